/** What the command line says over the file: the reference's flags, and where the control socket is. */
import { type ListenAddress, parseListenAddress } from "./values/listen_address.ts";
import { nearest } from "../text/nearest.ts";
import type { Parsed } from "../text/parsed.ts";
import type { LogLevel } from "./config.ts";
import { formatValue, type Issue } from "./issue.ts";
import { parseSocketPath } from "./values/socket_path.ts";

/** The flags as they were given; undefined where they were not. */
export interface Overrides {
  readonly logLevel?: string | undefined;
  readonly networkSetup?: string | boolean | undefined;
  readonly ipvsSetup?: string | boolean | undefined;
  readonly metricsAddress?: string | undefined;
  readonly controlSocket?: string | undefined;
}

/** The flags' values; undefined where the file decides. */
export interface OverrideValues {
  readonly level: LogLevel | undefined;
  readonly setup: boolean | undefined;
  readonly ipvs: boolean | undefined;
  /** `{ listen: undefined }` turns the server off. */
  readonly http: { readonly listen: ListenAddress | undefined } | undefined;
  /** `{ socket: undefined }` turns it off. */
  readonly control: { readonly socket: string | undefined } | undefined;
}

/** Reads the flags; each wrong one is an issue whose file is the flag's name. */
export function parseOverrides(
  overrides: Overrides,
): { readonly values: OverrideValues; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const read = <T, U>(
    name: string,
    text: string | undefined,
    parse: (text: string) => Parsed<T>,
    wrap: (value: T) => U,
  ) => {
    if (text === undefined) return undefined;
    const parsed = parse(text);
    if ("value" in parsed) return wrap(parsed.value);
    issues.push(flagIssue(name, parsed.problem, text));
    return undefined;
  };
  const { metricsAddress, controlSocket } = overrides;
  const values = {
    level: parseLevel(overrides.logLevel, issues),
    setup: parseFlag("--network-setup", overrides.networkSetup, issues),
    ipvs: parseFlag("--ipvs-setup", overrides.ipvsSetup, issues),
    http: read("--metrics-address", metricsAddress, parseListenAddress, (listen) => ({ listen })),
    control: read("--control-socket", controlSocket, parseSocketPath, (socket) => ({ socket })),
  };
  return { values, issues };
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warning", "error"];

function parseLevel(text: string | undefined, issues: Issue[]): LogLevel | undefined {
  if (text === undefined) return undefined;
  const level = LEVELS.find((known) => known === text);
  const guess = nearest(text, LEVELS);
  const cure = guess === undefined ? "" : `; did you mean ${guess}?`;
  if (level === undefined) {
    issues.push(flagIssue("--log-level", `must be one of ${LEVELS.join(", ")}${cure}`, text));
  }
  return level;
}

/** The spellings that Go's flag package takes, because the reference's users write them. */
function parseFlag(name: string, value: string | boolean | undefined, issues: Issue[]): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  if (["true", "True", "TRUE", "t", "T", "1"].includes(value)) return true;
  if (["false", "False", "FALSE", "f", "F", "0"].includes(value)) return false;
  issues.push(flagIssue(name, "must be true or false", value));
  return undefined;
}

function flagIssue(name: string, message: string, value: unknown): Issue {
  return {
    severity: "error",
    file: name,
    position: undefined,
    path: [],
    message: `${message} (got ${formatValue(value)})`,
  };
}
