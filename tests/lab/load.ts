/** Client load: short requests on a beat and one long download, all the while that something is done; and how they fared. */
import { equal, ok } from "node:assert/strict";
import type { DownloadResult } from "./download.ts";
import type { Host } from "./host.ts";
import type { LabWorld } from "./lab_world.ts";
import { BEAT_MS, BEAT_OCTETS } from "./pattern.ts";
import type { Narrator } from "./scenario.ts";
import { describe, type Target, type Traffic } from "./traffic.ts";

/** Time between two short requests: each family of each target has one of them in turn. */
const EVERY_MS = 10;
const TRIES = 20;
/** Longer than anything here takes on the slowest machine. */
const LONG_S = 600;

/** What is done, and what it may cost. */
export interface LoadEvent {
  /** A few words for the report. */
  readonly event: string;
  /** No request may fail for it, and the download must go on. */
  readonly costsNothing: boolean;
  /** The host that the download comes from. */
  readonly through: Host;
  /** So long the download takes, and it is waited for to its end; undefined: it is ended when all is done. */
  readonly downloadSeconds?: number;
  /** Whether the download is the one that is wanted; it is begun anew until it is. */
  readonly accept?: () => Promise<boolean>;
  /** Where the short requests go, if not to every address of the first service. */
  readonly targets?: readonly Target[];
}

/** What `work` gave, and how clients fared. */
export interface Under<T> {
  readonly value: T;
  readonly traffic: Traffic;
  readonly download: DownloadResult;
}

/** Does `work` under load, and reports. @throws where what should cost nothing did */
export async function underLoad<T>(
  { client }: LabWorld,
  { load }: Narrator,
  { event, costsNothing, through, downloadSeconds, targets = client.targets, accept }: LoadEvent,
  work: () => Promise<T>,
): Promise<Under<T>> {
  const [target] = client.targets;
  if (target === undefined) throw new Error("the client has no target");
  const octets = Math.round((downloadSeconds ?? LONG_S) * 1_000 / BEAT_MS) * BEAT_OCTETS;
  for (let tries = 0; tries === 0 || (accept !== undefined && !await accept()); tries++) {
    ok(tries < TRIES, `none of ${TRIES} downloads was as is wanted`);
    await client.download(target, through.name, octets);
  }
  await client.start(EVERY_MS, 3_000, targets);
  let value: T;
  try {
    value = await work();
  } catch (error) {
    await client.stop();
    await client.downloaded(false, 0);
    throw error;
  }
  const download = await client.downloaded(downloadSeconds !== undefined);
  const traffic = await client.stop();
  const unbroken = download.broken === undefined;
  const failed = traffic.failures.length;
  const worstMs = Math.max(0, ...traffic.requests.map(({ ms }) => ms));
  load({ event, requests: traffic.requests.length, failed, unbroken, worstMs });
  ok(traffic.requests.length > 0, `${event}: no request was made`);
  if (costsNothing) {
    equal(failed, 0, `${event}: ${describe(traffic)}: ${JSON.stringify(traffic.failures.slice(0, 3))}`);
    ok(unbroken, `${event}: the download through ${download.host} broke: ${download.broken}`);
    equal(download.complete, downloadSeconds !== undefined, `${event}: ${JSON.stringify(download)}`);
  }
  return { value, traffic, download };
}
