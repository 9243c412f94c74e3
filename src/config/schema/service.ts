/**
 * The file's `services`: addresses, checks, and what else a service has. What many files have none of is lazy: a zod type takes
 * some 20 microseconds to make.
 */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { checkSchema } from "../checks/kinds.ts";
import type { Parsed } from "../../text/parsed.ts";
import { parseServiceAddress } from "../values/address.ts";
import { command } from "../values/command.ts";
import { parseInterfaceName } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { duration, text } from "../values/rules.ts";
import { announceSchema } from "./announce.ts";
import { ipvsSchema, SERVICE_FLAGS } from "./ipvs.ts";
import { portSchema } from "./port.ts";

function stopSchema() {
  return z.strictObject({
    shift: duration(0, 3_600_000).prefault("0s").describe(
      "So long the routes go on, with GRACEFUL_SHUTDOWN (RFC 8326) and the worst preference, before they are withdrawn",
    ),
    converge: duration(0, 3_600_000).prefault("1s").describe(
      "From withdrawing the routes to taking IPVS down",
    ),
    quiesce: duration(0, 86_400_000).prefault("30s").describe("Longest wait for open connections to end"),
  }).describe("How the service is taken down");
}

/** One service. */
export const serviceSchema = lazily(() => {
  return z.strictObject({
    name: text(parseOwnInterfaceName, PATTERNS.interfaceName).describe(
      "Unique; also the dummy interface's name, so at most 15 bytes",
    ),
    interface: text(parseOwnInterfaceName, PATTERNS.interfaceName).optional().describe(
      "Name of the dummy interface. Default: name",
    ),
    enabled: z.boolean().default(true).describe("false: the service is not announced"),
    addresses: z.array(text(parseServiceAddress, PATTERNS.serviceAddress)).min(1, {
      error: "must have at least one address",
    }).describe(
      "Addresses that are bound and announced as /32 or /128; ADDRESS/LENGTH announces that prefix instead",
    ),
    announce: announceSchema().prefault({}),
    ports: z.array(z.lazy(portSchema)).default([]).describe(
      "IPVS virtual services; leave out where the application listens on the address itself",
    ),
    ipvs: ipvsSchema().prefault({}),
    checks: z.array(checkSchema()).default([]).describe(
      "All must pass. None: the service counts as healthy",
    ),
    stop: stopSchema().prefault({}),
    onChange: z.lazy(command).optional().describe(
      "A program and its arguments, run at every transition: facts in BGP_LB_* and as JSON on standard input",
    ),
  }).meta({ allOf: SERVICE_FLAGS, description: "A service" });
});

/** A service as the schema reads it. */
export type FileService = z.output<ReturnType<typeof serviceSchema>>;
/** Ours to create: not a name that the kernel has already, as an interface or as a sysctl folder beside them. */
function parseOwnInterfaceName(input: string): Parsed<string> {
  return ["lo", "all", "default"].includes(input)
    ? { problem: "cannot be the name of an interface of ours: Linux uses it itself" }
    : parseInterfaceName(input);
}
