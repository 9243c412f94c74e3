/** What of the contested objects of the kernel concerns a service, and which of its addresses rest on them. Pure. */
import type { ServiceConfig } from "../config/config.ts";
import type { Contested } from "../kernel/contested.ts";
import { virtualServiceKey } from "../kernel/state.ts";
import type { Address } from "../net/address.ts";
import { idsOf } from "./desired.ts";

const NOTHING: readonly Contested[] = [];

/** What of `contested` concerns a service: its interface and what is on it, its virtual services. */
export function contestedBy(
  contested: readonly Contested[],
): (config: ServiceConfig) => readonly Contested[] {
  if (contested.length === 0) return () => NOTHING;
  const links = Map.groupBy(contested, (each) => each.interface ?? "");
  const virtualServices = Map.groupBy(
    contested,
    ({ virtualService }) => virtualService === undefined ? "" : virtualServiceKey(virtualService),
  );
  return (config) => {
    const own = [
      ...links.get(config.interface) ?? NOTHING,
      ...config.ports.flatMap((port) => idsOf(port, config))
        .flatMap((id) => virtualServices.get(virtualServiceKey(id)) ?? NOTHING),
    ];
    return own.length === 0 ? NOTHING : own;
  };
}

/** The contested objects that `address` rests on: its interface, itself, and what its clients are led by. */
export function contestedUnder(contested: readonly Contested[], address: Address): readonly Contested[] {
  return contested.filter(({ address: of, virtualService }) => {
    if (virtualService === undefined) return of === undefined || of.text === address.text;
    return virtualService.fwmark > 0
      ? virtualService.address.family === address.family
      : virtualService.address.text === address.text;
  });
}

/** What of it keeps a service from being announced, in words. */
export function contestedText({ object, repairs, suspect }: Contested): string {
  const who = suspect === undefined ? "" : `, most likely by ${suspect}`;
  return `${object} is changed again and again${who}: repaired ${repairs} times`;
}
