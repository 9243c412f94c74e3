/** Memory that is in use, which is the same on every machine: what the process holds besides is the collector's business. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Octets of the objects and buffers of this isolate that are still used. */
export function liveOctets(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
