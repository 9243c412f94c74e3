/** The file's `services[].ports`: virtual services by port or firewall mark, their destinations, and what becomes of those. */
import * as z from "zod";
import { isRecord } from "../../bytes/json.ts";
import { destinationCheckSchema } from "../checks/kinds.ts";
import { parseServerAddress } from "../values/address.ts";
import { lazily } from "../values/lazily.ts";
import { PATTERNS } from "../values/patterns.ts";
import { duration, oneOrList, text, whole } from "../values/rules.ts";
import { portIpvsSchema } from "./ipvs.ts";

const U32_MAX = 4_294_967_295;

const tunnelSchema = lazily(() => {
  return z.strictObject({
    type: z.enum(["ipip", "gue", "gre"]).describe("ipip: IP in IP; gue: in UDP; gre"),
    port: whole(1, 65535).optional().describe(
      "UDP port of the destination; required with gue, and only there",
    ),
    checksum: z.boolean().optional().describe(
      "Whether there are checksums; with gue and gre. Default: false",
    ),
  }).superRefine(({ type, port, checksum }, context) => {
    const tell = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    if (type === "gue" && port === undefined) tell("port", "is required with type gue");
    if (type !== "gue" && port !== undefined) tell("port", `has no meaning with type ${type}`);
    if (type === "ipip" && checksum !== undefined) tell("checksum", "has no meaning with type ipip");
  }).meta({
    allOf: [
      {
        if: { properties: { type: { const: "gue" } } },
        then: { required: ["port"] },
        else: { not: { required: ["port"] } },
      },
      { if: { properties: { type: { const: "ipip" } } }, then: { not: { required: ["checksum"] } } },
    ],
    description: "The encapsulation, with forwarding tunnel. Default: {type: ipip}",
  });
});

/** Keys of a destination that a sorry server has, too: one set of types for both. */
const realServer = lazily(() => {
  return {
    address: text(parseServerAddress, PATTERNS.serverAddress).describe("Address of the real server"),
    forwarding: z.enum(["masq", "droute", "tunnel"]).default("masq").describe(
      "masq: NAT; droute: same link, address kept; tunnel: see tunnel. The latter two cannot change the port",
    ),
    tunnel: z.lazy(tunnelSchema).optional(),
  };
});

/** The same as the rule between the two, for JSON Schema. */
const TUNNELLED = {
  if: { required: ["tunnel"] },
  then: { properties: { forwarding: { const: "tunnel" } }, required: ["forwarding"] },
};

function checkTunnel(
  { forwarding, tunnel }: { readonly forwarding: string; readonly tunnel?: unknown },
  context: z.RefinementCtx,
): void {
  if (tunnel === undefined || forwarding === "tunnel") return;
  const message = `needs forwarding tunnel, not ${forwarding}`;
  context.addIssue({ code: "custom", path: ["tunnel"], message });
}

function checksSchema() {
  return z.array(destinationCheckSchema());
}

function destinationSchema() {
  return z.strictObject({
    ...realServer(),
    port: whole(1, 65535).optional().describe(
      "Port of the real server. Required, but with fwmark. Default: the port that the client asked for",
    ),
    weight: whole(0, 65535).default(1).describe("Share of the connections; 0: no new ones"),
    upperThreshold: whole(0, U32_MAX).optional().describe(
      "So many connections, and no new ones come. Default: 0, any number",
    ),
    lowerThreshold: whole(0, U32_MAX).optional().describe(
      "So few connections, and new ones come again. Default: 0, three quarters of upperThreshold",
    ),
    checks: z.lazy(checksSchema).optional().describe(
      "Checks of this destination. Default: those that the port has for each",
    ),
  }).superRefine((destination, context) => {
    checkTunnel(destination, context);
    const { upperThreshold, lowerThreshold } = destination;
    const tell = (message: string) => context.addIssue({ code: "custom", path: ["lowerThreshold"], message });
    if (lowerThreshold === undefined) return;
    if (upperThreshold === undefined) tell("needs upperThreshold");
    else if (lowerThreshold > upperThreshold) tell(`must not be more than upperThreshold ${upperThreshold}`);
  }).meta({
    allOf: [TUNNELLED],
    dependentRequired: { lowerThreshold: ["upperThreshold"] },
    description: "A real server",
  });
}

const sorrySchema = lazily(() => {
  return z.strictObject({
    ...realServer(),
    port: whole(1, 65535).optional().describe("Default: the port's"),
  }).superRefine(checkTunnel).meta({ allOf: [TUNNELLED], description: "A sorry server" });
});

function portKeys() {
  return z.strictObject({
    port: whole(1, 65535).optional().describe("Port of the service; or fwmark"),
    protocol: z.enum(["tcp", "udp", "sctp"]).optional().describe("tcp, udp or sctp. Default: tcp"),
    fwmark: whole(1, U32_MAX).optional().describe(
      "Packets with this firewall mark, whatever they are addressed to; instead of port and protocol",
    ),
    family: z.literal([4, 6], { error: "must be 4 or 6" }).optional().describe(
      "4 or 6, the mark's packets that are meant. Default: the families of the service's addresses",
    ),
    targetPort: whole(1, 65535).optional().describe(
      "Short for one destination: this host (bgp.local.address or address6) at this port; instead of destinations",
    ),
    destinations: z.array(z.lazy(destinationSchema)).min(1, { error: "must have at least one destination" })
      .optional().describe("Real servers; instead of targetPort"),
    checks: z.lazy(checksSchema).optional().describe(
      "Checks of each destination: address and port are the destination's where they are left out",
    ),
    whenFailed: z.enum(["quiesce", "remove"]).default("quiesce").describe(
      "What becomes of a destination that fails. quiesce: weight 0, open connections go on; remove: they end (always so with udp)",
    ),
    quorum: whole(0, U32_MAX).optional().describe(
      "The sum of live weights that the port needs for the service to be announced. Default: 1",
    ),
    hysteresis: whole(0, U32_MAX).optional().describe(
      "The quorum is gained so far above it, and lost so far below it. Default: 0",
    ),
    slowStart: duration(0, 3_600_000).optional().describe(
      "For so long the weight of a destination that has recovered grows. Default: 0s",
    ),
    sorry: oneOrList(z.lazy(sorrySchema), 2, "can have one for each family").describe(
      "Takes what comes while no other destination is left. Or a list, one for each family. Default: none",
    ),
    ipvs: z.lazy(portIpvsSchema).optional(),
  });
}

/** A port as the schema reads it. */
export type FilePort = z.output<ReturnType<typeof portKeys>>;
/** One of its destinations. */
export type FileDestination = NonNullable<FilePort["destinations"]>[number];
/** One of its sorry servers. */
export type FileSorry = NonNullable<FilePort["sorry"]>[number];

/** One port of a service. */
export const portSchema = lazily(() => {
  return portKeys().superRefine(requirePorts, { when: () => true }).superRefine(checkPort).meta({
    ...PORT_RULES,
    description: "An IPVS virtual service",
  });
});

/** The rules between keys, for JSON Schema. */
const PORT_RULES = {
  if: { required: ["fwmark"] },
  then: {
    required: ["destinations"],
    not: { anyOf: ["port", "protocol", "targetPort"].map((key) => ({ required: [key] })) },
  },
  else: {
    required: ["port"],
    not: { required: ["family"] },
    oneOf: [{ required: ["targetPort"] }, { required: ["destinations"] }],
    properties: { destinations: { items: { required: ["port"] } } },
  },
};

/** Ports that are missing, whatever else is wrong: they would be required keys, were there no marks. */
function requirePorts(value: unknown, context: z.RefinementCtx): void {
  if (!isRecord(value) || value["fwmark"] !== undefined) return;
  const require = (path: readonly (string | number)[]) =>
    context.addIssue({ code: "custom", path: [...path, "port"], message: "is required" });
  if (value["port"] === undefined) require([]);
  const destinations: unknown = value["destinations"];
  for (const [index, destination] of Array.isArray(destinations) ? destinations.entries() : []) {
    if (isRecord(destination) && destination["port"] === undefined) require(["destinations", index]);
  }
}

function checkPort(value: FilePort, context: z.RefinementCtx): void {
  const tell = (path: readonly (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  const { fwmark, destinations } = value;
  if (fwmark === undefined) {
    if (value.family !== undefined) {
      tell(["family"], "needs fwmark: a port is balanced on every address of the service");
    }
    if (value.targetPort !== undefined && destinations !== undefined) {
      tell(["targetPort"], "cannot be given together with destinations");
    }
    if (value.targetPort === undefined && destinations === undefined) {
      tell(["targetPort"], "is required (or destinations)");
    }
  } else {
    for (const key of ["port", "protocol", "targetPort"] as const) {
      if (value[key] !== undefined) tell([key], "cannot be given together with fwmark");
    }
    if (destinations === undefined) tell(["destinations"], "is required");
  }
  const seen = new Set<string>();
  for (const [index, destination] of (destinations ?? []).entries()) {
    const path = ["destinations", index];
    checkKeptPort(destination, value, (message) => tell([...path, "port"], message));
    const key = `${destination.address.text} ${destination.port}`;
    if (seen.has(key)) tell(path, "is the same address and port as another");
    seen.add(key);
  }
  for (const [index, sorry] of (value.sorry ?? []).entries()) {
    checkKeptPort(sorry, value, (message) => tell(["sorry", index, "port"], message));
  }
}

/** Forwarding that leaves packets as they are cannot change their port. */
function checkKeptPort(
  { forwarding, port }: FileSorry,
  service: FilePort,
  tell: (message: string) => void,
): void {
  if (forwarding === "masq" || port === undefined || port === service.port) return;
  const cannot = `forwarding ${forwarding} cannot change it`;
  tell(
    service.fwmark === undefined
      ? `must be the service's port ${service.port}: ${cannot}`
      : `must be left out, which is the port that the client asked for: ${cannot}`,
  );
}
