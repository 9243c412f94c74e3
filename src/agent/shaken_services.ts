/** Which services rest on objects of the kernel that somebody else has changed: what they serve is worth a look at once. Pure. */
import type { ServiceConfig } from "../config/config.ts";
import type { KernelObject } from "../kernel/kernel_object.ts";

/** Their names, in the order of the configuration. */
export function shakenServices(
  repairs: readonly KernelObject[],
  services: readonly Pick<ServiceConfig, "name" | "interface" | "addresses" | "ports">[],
): readonly string[] {
  if (repairs.length === 0) return [];
  const interfaces = new Set(repairs.map((object) => object.interface));
  const addresses = new Set(
    repairs.flatMap(({ address, virtualService }) => [address?.text, virtualService?.address.text]),
  );
  const marks = new Set(repairs.map(({ virtualService }) => virtualService?.fwmark ?? 0));
  return services.filter((service) =>
    interfaces.has(service.interface) ||
    service.addresses.some(({ text }) => addresses.has(text)) ||
    service.ports.some(({ fwmark }) => fwmark > 0 && marks.has(fwmark))
  ).map(({ name }) => name);
}
