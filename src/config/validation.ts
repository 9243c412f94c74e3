/**
 * Applies the schema part by part, so that a problem in one part hides none in another: each peer and each service is
 * read for itself, and what is readable of a faulty one still takes part in the checks across parts.
 */
import * as z from "zod";
import { isRecord } from "../bytes/json.ts";
import { CHECK_TYPES, checkTypesWith } from "./checks/kinds.ts";
import { nearest } from "../text/nearest.ts";
import { numberSlip } from "./number_spelling.ts";
import { lacksStructure, unknownKey } from "./slips.ts";
import { type Finding, type Path, writtenPath } from "./values/finding.ts";
import {
  type FileControl,
  type FileHooks,
  type FileHttp,
  type FileLimits,
  type FileLog,
  type FileNetwork,
  fileSchema,
  type FileState,
} from "./schema/schema.ts";
import type { FileDefaults, FileLocal, FilePeer } from "./schema/bgp.ts";
import type { FileService } from "./schema/service.ts";

/** One element of a list, with its place in the file. */
export interface Element<T> {
  readonly index: number;
  readonly value: T;
}

/** What of a file could be read, part by part. */
export interface ValidParts {
  readonly log: FileLog | undefined;
  readonly http: FileHttp | undefined;
  readonly control: FileControl | undefined;
  readonly network: FileNetwork | undefined;
  readonly limits: FileLimits | undefined;
  readonly state: FileState | undefined;
  readonly hooks: FileHooks | undefined;
  readonly local: FileLocal | undefined;
  readonly defaults: FileDefaults | undefined;
  readonly peers: readonly Element<FilePeer>[];
  readonly services: readonly Element<FileService>[];
  readonly findings: readonly Finding[];
}

/** Reads the parts of a file's plain values; `findings` is empty exactly where every part follows the schema. */
export function validateParts(raw: unknown): ValidParts {
  const findings: Finding[] = [];
  const schema = fileSchema();
  const root = schema.shape;
  const top = shell(schema, raw, [], findings);
  const hasBgp = isRecord(top["bgp"]);
  const bgp = shell(root.bgp, top["bgp"], ["bgp"], findings);
  const { local, defaults, peers } = root.bgp.shape;
  return {
    log: part(root.log, top["log"], ["log"], findings),
    http: part(root.http, top["http"], ["http"], findings),
    control: part(root.control, top["control"], ["control"], findings),
    network: part(root.network, top["network"], ["network"], findings),
    limits: part(root.limits, top["limits"], ["limits"], findings),
    state: part(root.state, top["state"], ["state"], findings),
    hooks: part(root.hooks, top["hooks"], ["hooks"], findings),
    local: hasBgp ? part(local, bgp["local"], ["bgp", "local"], findings) : undefined,
    defaults: part(defaults, bgp["defaults"], ["bgp", "defaults"], findings),
    peers: !hasBgp ? [] : elements(peers, peers.element, bgp["peers"], ["bgp", "peers"], findings),
    services: elements(root.services, root.services.element, top["services"], ["services"], findings),
    findings,
  };
}

/** The values of an object whose keys are read one by one; its own problems are a wrong type and unknown keys. */
function shell(schema: z.ZodObject, raw: unknown, path: Path, findings: Finding[]): Record<string, unknown> {
  if (!isRecord(raw)) {
    findings.push({
      path,
      message: wrong(raw, `must be a mapping${lacksStructure(raw)}`),
      showValue: "always",
    });
    return {};
  }
  findings.push(
    ...unknownKeys(Object.keys(raw).filter((key) => !Object.hasOwn(schema.shape, key)), schema.shape, path),
  );
  return raw;
}

function elements<T>(
  list: z.ZodType,
  element: z.ZodType<T>,
  raw: unknown,
  path: Path,
  findings: Finding[],
): Element<T>[] {
  if (!Array.isArray(raw) || raw.length === 0) {
    findings.push(...inspect(list, raw, path).findings);
    return [];
  }
  return raw.flatMap((item: unknown, index) => {
    const value = part(element, item, [...path, index], findings);
    return value === undefined ? [] : [{ index, value }];
  });
}

/** The value of one part, without what is wrong in it; undefined where something required is wrong. */
function part<T>(schema: z.ZodType<T>, raw: unknown, path: Path, findings: Finding[]): T | undefined {
  const first = inspect(schema, raw, path);
  if (first.value !== undefined) return first.value;
  // Unknown keys stop zod from checking across keys: without them it does, and nothing else changes.
  const known = first.unknown.length === 0 ? first : inspect(schema, without(raw, first.unknown), path);
  findings.push(...first.findings.filter(({ at }) => at === "key"), ...known.findings);
  if (known.value !== undefined) return known.value;
  return inspect(schema, without(raw, [...first.unknown, ...known.faulty]), path).value;
}

interface Inspection<T> {
  readonly value: T | undefined;
  readonly findings: readonly Finding[];
  /** Paths below the part, of unknown keys and of wrong values. */
  readonly unknown: readonly Path[];
  readonly faulty: readonly Path[];
}

function inspect<T>(schema: z.ZodType<T>, raw: unknown, path: Path): Inspection<T> {
  const result = schema.safeParse(raw, { error: knownKeys });
  if (result.success) return { value: result.data, findings: [], unknown: [], faulty: [] };
  const findings: Finding[] = [];
  const unknown: Path[] = [];
  const faulty: Path[] = [];
  for (const issue of result.error.issues) {
    const below = writtenPath(raw, issue.path.filter((step) => typeof step !== "symbol"));
    if (issue.code === "unrecognized_keys") {
      const shape = Object.fromEntries(issue.message.split(" ").map((key) => [key, true]));
      findings.push(...unknownKeys(issue.keys, shape, [...path, ...below]));
      unknown.push(...issue.keys.map((key) => [...below, key]));
    } else {
      const showValue = issue.code === "custom" ? "scalar" : "always";
      findings.push({ path: [...path, ...below], message: describe(issue, at(raw, below)), showValue });
      faulty.push(below);
    }
  }
  return { value: undefined, findings, unknown, faulty };
}

/** The known keys of an object travel to `inspect` as the message of its unrecognized_keys issue. */
const knownKeys: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== "unrecognized_keys" || !(issue.inst instanceof z.ZodObject)) return undefined;
  return Object.keys(issue.inst.shape).join(" ");
};

function unknownKeys(
  keys: readonly string[],
  shape: Readonly<Record<string, unknown>>,
  path: Path,
): Finding[] {
  const known = Object.keys(shape);
  return keys.map((key) => {
    const message = unknownKey(key, known, path.at(-2) === "checks" ? kindsOfKey : placeOfKey);
    return { path: [...path, key], at: "key", message, showValue: "never" };
  });
}

/** Which other kinds of checks have a key; undefined: none, so it may belong elsewhere. */
function kindsOfKey(key: string): string | undefined {
  const types = checkTypesWith(key);
  return types.length === 0 ? placeOfKey(key) : `checks of type ${types.join(", ")}`;
}

/** Where in the file a key belongs that few places have; undefined: nowhere, or in many. */
function placeOfKey(key: string): string | undefined {
  const { bgp, services, ...top } = fileSchema().shape;
  const service = services.element.shape;
  const port = service.ports.unwrap().element.unwrap().shape;
  const destination = port.destinations.unwrap().element.unwrap().shape;
  const objects: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    "the top": fileSchema().shape,
    "bgp": bgp.shape,
    "bgp.local": bgp.shape.local.shape,
    "a peer": bgp.shape.peers.element.shape,
    "a service": service,
    "announce of a service": service.announce.unwrap().shape,
    "a port of a service": beyond(service, port),
    "a destination of a port": beyond(port, destination),
    "network.contention": top.network.unwrap().shape.contention.unwrap().unwrap().shape,
    "ipvs of a service": service.ipvs.unwrap().shape,
    "stop of a service": service.stop.unwrap().shape,
    ...Object.fromEntries(Object.entries(top).map(([name, part]) => [name, part.unwrap().shape])),
  };
  const places = Object.entries(objects).filter(([, shape]) => Object.hasOwn(shape, key)).map(([name]) =>
    name
  );
  return places.length === 1 ? `${places[0]}: is it indented wrongly?` : undefined;
}

/** The keys that are no keys of what is around them, where they mean the same for more. */
function beyond(
  around: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(shape).filter(([key]) => !Object.hasOwn(around, key)));
}

function describe(issue: z.core.$ZodIssue, raw: unknown): string {
  switch (issue.code) {
    case "custom":
      return issue.message;
    case "invalid_type":
      return wrong(
        raw,
        issue.message.startsWith("Invalid input") ? typeRule(issue.expected, raw) : spelledOut(issue, raw),
      );
    case "invalid_value":
      return wrong(raw, issue.message.startsWith("Invalid") ? choice(issue.values, raw) : issue.message);
    case "invalid_union":
      return wrong(raw, issue.discriminator === undefined ? issue.message : choice(CHECK_TYPES, raw));
    default:
      return wrong(raw, issue.message);
  }
}

/** Something missing or empty is called that, whatever else it should have been. */
function wrong(raw: unknown, rule: string): string {
  if (raw === undefined) return "is required";
  return raw === null ? "has no value, give one or remove the key" : rule;
}

function typeRule(expected: string, raw: unknown): string {
  switch (expected) {
    case "string":
      return Array.isArray(raw) ? "must be text" : "must be text, put it in quotes";
    case "boolean":
      return "must be true or false";
    case "object":
      return `must be a mapping${lacksStructure(raw)}`;
    case "array":
      return `must be a list${lacksStructure(raw)}`;
    default:
      return "must be a number";
  }
}

/** What looks like a number and is text to YAML. */
function spelledOut({ expected, message }: z.core.$ZodIssueInvalidType, raw: unknown): string {
  const slip = expected === "number" && typeof raw === "string" ? numberSlip(raw) : undefined;
  return slip === undefined ? message : `${message}, ${slip}`;
}

function choice(values: readonly unknown[], raw: unknown): string {
  const words = values.map(String);
  const guess = typeof raw === "string" ? nearest(raw, words) : undefined;
  const list = words.length === 1 ? `must be ${words[0]}` : `must be one of ${words.join(", ")}`;
  return guess === undefined ? list : `${list}; did you mean ${guess}?`;
}

function at(raw: unknown, path: Path): unknown {
  let here = raw;
  for (const step of path) {
    if (Array.isArray(here) && typeof step === "number") here = here[step];
    else if (isRecord(here) && Object.hasOwn(here, step)) here = here[step];
    else return undefined;
  }
  return here;
}

/** A copy of `raw` without the values at `paths`; of a list with a faulty element nothing is left. */
function without(raw: unknown, paths: readonly Path[]): unknown {
  if (paths.some((path) => path.length === 0) || !isRecord(raw)) return undefined;
  const entries = Object.entries(raw).flatMap(([key, value]) => {
    const below = paths.filter(([first]) => first === key).map((path) => path.slice(1));
    const kept = below.length === 0
      ? value
      : Array.isArray(value)
      ? cleaned(value, below)
      : without(value, below);
    return kept === undefined ? [] : [[key, kept]];
  });
  return Object.fromEntries(entries);
}

/** A list whose elements only lose keys keeps its length and so its positions; otherwise it is dropped. */
function cleaned(list: readonly unknown[], paths: readonly Path[]): unknown {
  const kept = list.map((item, index) => {
    const below = paths.filter(([first]) => first === index).map((path) => path.slice(1));
    return below.length === 0 ? item : without(item, below);
  });
  return paths.some((path) => path.length === 0) || kept.includes(undefined) ? undefined : kept;
}
