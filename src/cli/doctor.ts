/**
 * `bgp-lb doctor [FILE]`: is this host fit for a configuration, or for the agent as such where there is none. Changes nothing,
 * though asking for a module may make the kernel load it. Needs no privilege: what cannot be seen without is said.
 */
import { descriptorNeeds, totalNeed } from "../agent/descriptors.ts";
import type { Config } from "../config/config.ts";
import { formatIssue } from "../config/issue.ts";
import { loadConfig, type ReadFile } from "../config/load.ts";
import { DEFAULT_CONTROL_SOCKET } from "../config/values/socket_path.ts";
import type { Found } from "../control/client.ts";
import { type Examination, examine, isFit } from "../doctor/examine.ts";
import type { Host } from "../doctor/host.ts";
import { reportText } from "../doctor/report_text.ts";
import { ROWS } from "../doctor/rows.ts";
import { hostAlone, type SecretFile, subjectOf } from "../doctor/subject.ts";
import { messageOf } from "../text/error_message.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import type { Style } from "../text/style.ts";
import { indented, socketPathProblem } from "./ask.ts";
import { defaultFile, isThere } from "./default_file.ts";
import { ExitStatus } from "./exit_status.ts";
import { fileArgument, type FilePorts } from "./file_ports.ts";
import { agentText, findRunning } from "./running_agent.ts";

/** Arguments of `bgp-lb doctor`. */
export interface DoctorArguments {
  /** A path, or `-`; undefined: the default one, where it can be read. */
  readonly file: string | undefined;
  readonly json: boolean;
  /** Of the control socket, where the command line names one. */
  readonly socket: string | undefined;
}

/** Files, the way to an agent, and this host. */
export interface DoctorPorts extends FilePorts {
  readonly style: Style;
  /** Who listens at a path. @throws {Error} where that may not be asked */
  findAgent(path: string): Promise<Found>;
  /** Opens the host for as long as `use` takes. @throws {Error} in words: it cannot be looked at */
  withHost<T>(use: (host: Host) => Promise<T>): Promise<T>;
}

/** Resolves to 0 for a fit host, to 3 for one that is not, to 2 for an invalid configuration. */
export async function doctor({ file, json, socket }: DoctorArguments, ports: DoctorPorts): Promise<number> {
  const refuse = (status: number, ...texts: readonly string[]) => {
    for (const text of texts) ports.stderr(`${escapeUnprintable(text)}\n`);
    return status;
  };
  const problem = socket === undefined ? undefined : socketPathProblem(socket);
  if (problem !== undefined) return refuse(ExitStatus.USAGE, problem);
  const usual = defaultFile(ports.readFile);
  const path = file ?? (isThere(usual, ports.readFile) ? usual : undefined);
  let configured: Configured | undefined;
  if (path !== undefined) {
    const { name, readFile } = await fileArgument(path, ports);
    const { read, files } = watched(readFile);
    const loaded = await loadConfig(name, read);
    for (const issue of loaded.ok ? loaded.warnings : loaded.issues) ports.stderr(`${formatIssue(issue)}\n`);
    if (!loaded.ok) return refuse(ExitStatus.USAGE, `${name}: cannot be used`);
    configured = { name, config: loaded.config, secrets: secretsOf(loaded.config, files) };
  } else {
    refuse(ExitStatus.OK, `${usual} cannot be read, and no FILE is named: this is about the host alone`);
  }
  const running = await findRunning(socketsOf(configured?.config, socket), ports.findAgent);
  const circumstances = {
    descriptorNeed: configured && totalNeed(descriptorNeeds(configured.config)),
    secrets: configured?.secrets ?? [],
    agent: running.type === "agent" ? { pid: running.agent.pid } : undefined,
    controlDoubt: running.type === "unknown" ? running.reason : undefined,
  };
  const subject = configured === undefined
    ? hostAlone(circumstances)
    : subjectOf(configured.config, circumstances);
  try {
    const findings = await ports.withHost((host) => examine(ROWS, host, subject));
    const examination: Examination = {
      fit: isFit(findings),
      file: configured?.name,
      agent: running.type === "agent" ? agentText(running) : undefined,
      findings,
    };
    ports.stdout(json ? indented(JSON.stringify(examination)) : reportText(examination, ports.style));
    return examination.fit ? ExitStatus.OK : ExitStatus.HOST_NOT_FIT;
  } catch (error) {
    return refuse(ExitStatus.HOST_NOT_FIT, `this host cannot be looked at: ${messageOf(error)}`);
  }
}

interface Configured {
  readonly name: string;
  readonly config: Config;
  readonly secrets: readonly SecretFile[];
}

/** Where an agent may be asked: a control socket that the file turns off is nowhere. */
function socketsOf(config: Config | undefined, socket: string | undefined): readonly string[] {
  if (socket !== undefined) return [socket];
  if (config === undefined) return [DEFAULT_CONTROL_SOCKET];
  return config.control.socket === undefined ? [] : [config.control.socket];
}

/** The port, and what was read through it. */
function watched(readFile: ReadFile): { readonly read: ReadFile; readonly files: readonly SecretFile[] } {
  const files: SecretFile[] = [];
  const read = (path: string) => {
    const content = readFile(path);
    files.push({ path, mode: content.mode });
    return content;
  };
  return { read, files };
}

/** Those with passwords in them: every file but the first is of a `passwordFile`, the first where a peer has one without. */
function secretsOf({ bgp }: Config, [first, ...others]: readonly SecretFile[]): readonly SecretFile[] {
  const passwords = bgp.peers.filter(({ password }) => password !== undefined);
  const inFile = first !== undefined && passwords.length > others.length ? [first] : [];
  const byPath = new Map([...inFile, ...others].map((file) => [file.path, file]));
  return [...byPath.values()].filter(({ mode }) => mode !== undefined);
}
