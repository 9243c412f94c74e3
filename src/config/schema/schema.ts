/**
 * The configuration file's shape: every key with its rule, default and description. What concerns more than one object
 * (duplicates, references, defaults that depend on other keys) is in resolve.ts. Strict: unknown keys are errors, and
 * so is what has no behaviour yet.
 */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { bgpSchema } from "./bgp.ts";
import { serviceSchema } from "./service.ts";
import { parseListenAddress } from "../values/listen_address.ts";
import { DEFAULT_CONTROL_SOCKET, parseSocketPath } from "../values/socket_path.ts";
import { parseGroup, parseHost } from "../values/name.ts";
import { DEFAULT_STATE_DIRECTORY, parseDirectory } from "../values/directory.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, duration, text, whole } from "../values/rules.ts";

/** Where metrics and the status page listen by default. */
const DEFAULT_HTTP_LISTEN = "127.0.0.1:8081";

function logSchema() {
  return z.strictObject({
    level: z.enum(["debug", "info", "warning", "error"]).default("info").describe(
      "How much is logged: debug, info, warning or error",
    ),
    format: z.enum(["auto", "text", "json"]).default("auto").describe(
      "text, json, or auto: text on a terminal and json otherwise",
    ),
  }).describe("Log lines on standard error");
}

function httpSchema() {
  return z.strictObject({
    listen: text(parseListenAddress, PATTERNS.listenAddress).prefault(DEFAULT_HTTP_LISTEN).describe(
      'ADDRESS:PORT, [IPV6]:PORT or :PORT of metrics, status page and read-only API; "" turns them off',
    ),
    allowedHosts: distinct(text(parseHost, PATTERNS.host)).default([]).describe(
      "Names by which clients may ask, besides addresses, localhost and this host's own name (a guard against DNS rebinding)",
    ),
  }).describe("Metrics, status page and read-only API");
}

function controlSchema() {
  return z.strictObject({
    socket: text(parseSocketPath, PATTERNS.socketPath).prefault(DEFAULT_CONTROL_SOCKET).describe(
      'Path of the unix socket where bgp-lb status, drain and the like reach the running agent, mode 0600; "" turns it off',
    ),
    group: text(parseGroup, PATTERNS.group).optional().describe(
      "Members of this group may give orders, too: the socket has mode 0660 then. Default: its owner alone",
    ),
  }).describe("Where commands reach the running agent");
}

function contentionSchema() {
  return z.strictObject({
    limit: whole(1, 1000).optional().describe("So many repairs of one object are no contention. Default: 5"),
    window: duration(1000, 3_600_000).optional().describe("Within so long. Default: 60s"),
    hold: duration(1000, 86_400_000).optional().describe(
      "So long the object must be left alone until it counts as present again. Default: 60s",
    ),
  }).describe(
    "An address, link, route or virtual service that others change again and again counts as missing: what needs it is withdrawn",
  );
}

function networkSchema() {
  return z.strictObject({
    setup: z.boolean().default(true).describe(
      "false: never touch interfaces and addresses, nor IPVS unless ipvs is true",
    ),
    ipvs: z.boolean().optional().describe(
      "Whether IPVS is programmed. Default: the same as setup",
    ),
    contention: z.lazy(contentionSchema).optional(),
  }).describe("What the agent may change in this host's kernel");
}

function limitsSchema() {
  return z.strictObject({
    httpConnections: whole(1, 65535).default(256).describe(
      "So many connections to http.listen at once; further ones are closed",
    ),
  }).describe("Bounds of what others may ask of the agent");
}

function stateSchema() {
  return z.strictObject({
    directory: text(parseDirectory, PATTERNS.directory).prefault(DEFAULT_STATE_DIRECTORY).describe(
      'Folder of what must outlive the agent: which services are drained; "" turns it off',
    ),
  }).describe("What must survive a restart");
}

function hooksSchema() {
  return z.strictObject({
    timeout: duration(1, 3_600_000).prefault("10s").describe("So long one run of onChange may take"),
  }).describe("Programs that are run when something changes");
}

/** The whole file. */
export const fileSchema = lazily(() => {
  // Compiled parsers pay off after many thousands of files.
  z.config({ jitless: true });
  return z.strictObject({
    log: logSchema().prefault({}),
    http: httpSchema().prefault({}),
    control: controlSchema().prefault({}),
    network: networkSchema().prefault({}),
    limits: limitsSchema().prefault({}),
    state: stateSchema().prefault({}),
    hooks: hooksSchema().prefault({}),
    bgp: bgpSchema(),
    services: z.array(serviceSchema()).min(1, { error: "must have at least one service" }).describe(
      "What is served and announced",
    ),
  }).describe("Configuration of bgp-lb");
});

/** The `log` part as the schema reads it. */
export type FileLog = z.output<ReturnType<typeof logSchema>>;
/** The `http` part. */
export type FileHttp = z.output<ReturnType<typeof httpSchema>>;
/** The `control` part. */
export type FileControl = z.output<ReturnType<typeof controlSchema>>;
/** The `network` part. */
export type FileNetwork = z.output<ReturnType<typeof networkSchema>>;
/** The `limits` part. */
export type FileLimits = z.output<ReturnType<typeof limitsSchema>>;
/** The `state` part. */
export type FileState = z.output<ReturnType<typeof stateSchema>>;
/** The `hooks` part. */
export type FileHooks = z.output<ReturnType<typeof hooksSchema>>;
