/**
 * `bgp-lb cleanup [--yes] [FILE]`: what an agent that is gone has left in the kernel. Shows it; with --yes removes it. Refuses
 * where an agent runs, or where that cannot be known: what an agent has is the agent's to remove.
 */
import { type CleanupOptions, LeftBehind, type OwnObject, type Removal } from "../agent/cleanup.ts";
import type { Config } from "../config/config.ts";
import { formatIssue } from "../config/issue.ts";
import { loadConfig } from "../config/load.ts";
import { DEFAULT_STATE_DIRECTORY } from "../config/values/directory.ts";
import { DEFAULT_CONTROL_SOCKET } from "../config/values/socket_path.ts";
import type { Found } from "../control/client.ts";
import { EVERYTHING } from "../kernel/kernel.ts";
import { NO_PLACES } from "../kernel/owned_places.ts";
import { fwmarksOf } from "../service/desired.ts";
import { messageOf } from "../text/error_message.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import type { Style } from "../text/style.ts";
import { lines } from "../text/table.ts";
import { indented, socketPathProblem } from "./ask.ts";
import { ExitStatus } from "./exit_status.ts";
import { fileArgument, type FilePorts } from "./file_ports.ts";
import { agentText, findRunning, type Running } from "./running_agent.ts";

/** Arguments of `bgp-lb cleanup`. */
export interface CleanupArguments {
  /** A path, or `-`; what it configures is ours, too. */
  readonly file: string | undefined;
  readonly yes: boolean;
  readonly json: boolean;
  /** Of the control socket, where the command line names one. */
  readonly socket: string | undefined;
}

/** Files, the way to an agent, and this host's kernel. */
export interface CleanupPorts extends FilePorts {
  readonly style: Style;
  /** Who listens at a path. @throws {Error} where that may not be asked */
  findAgent(path: string): Promise<Found>;
  /** Opens the host for as long as `use` takes. @throws {Error} in words: it cannot be opened */
  withHost<T>(use: (host: CleanupHost) => Promise<T>): Promise<T>;
}

/** The host. */
export type CleanupHost = Omit<CleanupOptions, keyof Claims>;

/** What is to be ours on it. */
type Claims = Pick<CleanupOptions, "directory" | "managed" | "configured">;

/** Without a file: what carries our mark, what is on it, and what an agent with the usual folder has recorded. */
const UNCONFIGURED: Claims = {
  configured: NO_PLACES,
  managed: EVERYTHING,
  directory: DEFAULT_STATE_DIRECTORY,
};

/** Resolves to 0 where nothing of ours is left or nothing was to be removed, 1 where something stays, 2 or 3. */
export async function cleanup(
  { file, yes, json, socket }: CleanupArguments,
  ports: CleanupPorts,
): Promise<number> {
  const refuse = (status: number, ...texts: readonly string[]) => {
    for (const text of texts) ports.stderr(`${escapeUnprintable(text)}\n`);
    return status;
  };
  const problem = socket === undefined ? undefined : socketPathProblem(socket);
  if (problem !== undefined) return refuse(ExitStatus.USAGE, problem);
  let config: Config | undefined;
  if (file !== undefined) {
    const { name, readFile } = await fileArgument(file, ports);
    const loaded = await loadConfig(name, readFile);
    if (!loaded.ok) return refuse(ExitStatus.USAGE, ...loaded.issues.map(formatIssue));
    config = loaded.config;
  }
  const running = await runningAgent(config, socket, ports);
  if (running.type === "agent") {
    return refuse(
      ExitStatus.HOST_NOT_FIT,
      `${agentText(running)}: what it has is its own to remove`,
      STOP_IT,
    );
  }
  if (running.type === "unknown") {
    return refuse(ExitStatus.HOST_NOT_FIT, `whether an agent runs cannot be known: ${running.reason}`);
  }
  const claims = config === undefined ? UNCONFIGURED : claimsOf(config);
  try {
    return await ports.withHost(async (host) => {
      const left = await LeftBehind.find({ ...host, ...claims });
      await using _left = left;
      for (const warning of left.warnings) refuse(ExitStatus.OK, `warning: ${warning}`);
      const { objects } = left;
      if (!yes || objects.length === 0) {
        const text = json ? indented(JSON.stringify({ found: objects })) : foundText(left, ports.style);
        ports.stdout(text);
        return ExitStatus.OK;
      }
      const removal = await left.remove();
      ports.stdout(
        json ? indented(JSON.stringify({ found: objects, ...removal })) : removalText(removal, ports.style),
      );
      return removal.stays.length > 0 || removal.errors.length > 0 ? ExitStatus.FAILED : ExitStatus.OK;
    });
  } catch (error) {
    return refuse(ExitStatus.HOST_NOT_FIT, `nothing is shown or removed: ${messageOf(error)}`);
  }
}

const STOP_IT =
  "Stop it first (systemctl stop bgp-lb, or SIGTERM): it withdraws, drains and then removes everything itself";

/** An agent could have the socket of the file, that of the command line, or the usual one. */
async function runningAgent(
  config: Config | undefined,
  socket: string | undefined,
  { findAgent }: Pick<CleanupPorts, "findAgent">,
): Promise<Running> {
  const configured = config?.control.socket;
  const running = await findRunning(
    [
      DEFAULT_CONTROL_SOCKET,
      ...configured === undefined ? [] : [configured],
      ...socket === undefined ? [] : [socket],
    ],
    findAgent,
  );
  if (running.type === "unknown") {
    return { ...running, reason: `${running.reason}; ask as root, or end what is there and no agent` };
  }
  if (running.type !== "nobody" || config === undefined || configured !== undefined || socket !== undefined) {
    return running;
  }
  return {
    type: "unknown",
    reason:
      "the file turns control.socket off; say --control-socket PATH to name one, once the agent is stopped",
  };
}

function claimsOf({ network, services, state }: Config): Claims {
  return {
    configured: {
      ownedAddresses: services.flatMap(({ addresses }) => addresses),
      ownedFwmarks: services.flatMap(({ ports }) => ports.flatMap(fwmarksOf)),
    },
    managed: { interfaces: true, ipvs: network.ipvs },
    directory: state.directory,
  };
}

function foundText({ objects, warnings }: Pick<LeftBehind, "objects" | "warnings">, style: Style): string {
  if (objects.length === 0) {
    // Where not all can be known, there may be something.
    return `Nothing of bgp-lb is ${
      warnings.length === 0 ? "in the kernel" : "found in the kernel otherwise"
    }.\n`;
  }
  const count = `${objects.length} object${objects.length === 1 ? "" : "s"}`;
  return lines([
    { text: `${count} of bgp-lb in the kernel, and no agent runs:`, tone: "strong" },
    ...objects.map((object) => `  ${objectText(object)}`),
    "Nothing was changed. bgp-lb cleanup --yes removes this.",
  ], style);
}

function removalText({ removed, stays, errors }: Removal, style: Style): string {
  return lines([
    ...stays.map((object) => ({ text: `stays    ${objectText(object)}`, tone: "bad" as const })),
    ...errors.map((error) => ({ text: `error    ${error}`, tone: "bad" as const })),
    ...removed.map((object) => ({ text: `removed  ${objectText(object)}`, tone: "good" as const })),
  ], style);
}

function objectText(object: OwnObject): string {
  if (object.kind === "interface") {
    const { name, service, addresses } = object;
    const of = service === name ? "" : ` of service ${service}`;
    return `interface ${name}${of}: ${addresses.length === 0 ? "no address" : addresses.join(", ")}`;
  }
  const { name, destinations, activeConnections } = object;
  const connections = activeConnections === 0 ? "" : `, ${counted(activeConnections, "active connection")}`;
  return `virtual service ${name}: ${counted(destinations, "destination")}${connections}`;
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
