/**
 * The reference's format (utilitywarehouse/bgp-lb: one service, JSON) as a file of ours, so that one schema checks
 * both; `origin` leads a problem back to the reference's own key. Keys match in any case and null means absent, as in
 * Go's encoding/json. Other unknown keys are ignored there, so they are warnings here, unless one looks misspelt.
 */
import { isRecord } from "../bytes/json.ts";
import { parseAddress } from "../net/address.ts";
import { nearest } from "../text/nearest.ts";
import { addressProblem } from "./values/address.ts";
import type { Finding, Path } from "./values/finding.ts";

/** A file of ours made of another one. */
export interface Translation {
  readonly file: unknown;
  readonly findings: readonly Finding[];
  /** The path in the original file of a path in `file`. */
  origin(path: Path): Path;
}

/** True where `value` is a file in the reference's format: it has `service`, and not our `services`. */
export function isReference(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const service = Object.keys(value).find((key) => key.toLowerCase() === "service");
  return service !== undefined && !Object.hasOwn(value, "services") && !Array.isArray(value[service]);
}

/** A file of ours is returned as it is. */
export function untranslated(file: unknown): Translation {
  return { file, findings: [], origin: (path) => path };
}

/** Translates a file for which `isReference` holds. */
export function translate(value: unknown): Translation {
  const findings: Finding[] = [];
  const top = fieldsOf({ value, path: [] }, ["bgp", "service"], findings);
  const file = parent([], {
    http: made({ listen: ":8081" }),
    network: made({ setup: true, ipvs: false }),
    bgp: translateBgp(top("bgp"), findings),
    services: parent(["service"], [translateService(top("service"), findings)]),
  });
  return { file: plain(file), findings, origin: (path) => originOf(file, path) };
}

/** A value of the original file and where it stands. */
interface Field {
  readonly value: unknown;
  readonly path: Path;
}

/** A value of the translation, and what it was made of. */
interface Node {
  readonly origin: Path;
  readonly value?: unknown;
  readonly children?: ReadonlyMap<string | number, Node>;
  readonly list?: boolean;
  /** What the reference calls keys that are missing here. */
  readonly names?: Readonly<Record<string, string>>;
}

function translateBgp(field: Field, findings: Finding[]): Node | undefined {
  if (!isRecord(field.value)) return leaf(field);
  const bgp = fieldsOf(field, ["local", "peers"], findings);
  const localField = bgp("local");
  const local = fieldsOf(localField, ["routerID", "as", "listenPort"], findings);
  const peers = bgp("peers");
  const routerID = local("routerID");
  return parent(field.path, {
    local: isRecord(localField.value)
      ? parent(localField.path, {
        routerID: leaf(routerID),
        as: leaf(local("as")),
        listenPort: translateListenPort(local("listenPort")),
      })
      : leaf(localField),
    // Where it is no address, that is said of the router ID alone.
    defaults: typeof routerID.value === "string" && parseAddress(routerID.value)?.family === 4
      ? parent(localField.path, { nextHop: leaf(routerID) })
      : undefined,
    peers: each(peers, (item) => {
      const peer = fieldsOf(item, ["address", "as"], findings);
      return parent(item.path, { address: leaf(peer("address")), as: leaf(peer("as")) });
    }),
  });
}

/** GoBGP's meaning: 0 is the standard port, a negative number is not listening. */
function translateListenPort(field: Field): Node | undefined {
  if (typeof field.value !== "number" || field.value > 0) return leaf(field);
  return field.value === 0 ? undefined : leaf({ ...field, value: -1 });
}

const SERVICE_KEYS = [
  "name",
  "ip",
  "prefixLength",
  "ports",
  "protocol",
  "httphealthcheck",
  "pinghealthcheck",
];

function translateService(field: Field, findings: Finding[]): Node {
  if (!isRecord(field.value)) return leaf(field) ?? { origin: field.path, value: null };
  const service = fieldsOf(field, SERVICE_KEYS, findings);
  const protocol = service("protocol");
  return parent(field.path, {
    name: leaf(service("name")),
    addresses: translateAddress(service("ip"), service("prefixLength"), findings),
    ports: each(service("ports"), (item) => {
      const port = fieldsOf(item, ["servicePort", "targetLocalPort", "protocol"], findings);
      const target = port("targetLocalPort");
      if (target.value === undefined) findings.push({ path: target.path, message: "is required" });
      return parent(item.path, {
        port: leaf(port("servicePort")),
        targetPort: leaf(target) ?? STAND_IN.port,
        protocol: leaf(lowerCase(port("protocol"))) ?? leaf(lowerCase(protocol)),
      }, { port: "servicePort" });
    }),
    checks: translateChecks(service("httphealthcheck"), service("pinghealthcheck"), findings),
  }, { addresses: "ip" });
}

function translateAddress(ip: Field, prefixLength: Field, findings: Finding[]): Node | undefined {
  const address = leaf(ip);
  if (address === undefined) return undefined;
  const length = prefixLength.value ?? 32;
  const fits = typeof length === "number" && Number.isInteger(length) && length >= 1 && length <= 32;
  if (!fits) {
    findings.push({ path: prefixLength.path, message: "must be a whole number from 1 to 32" });
  }
  const problem = typeof ip.value === "string" ? ipProblem(ip.value) : undefined;
  if (problem !== undefined) {
    findings.push({ path: ip.path, message: problem });
    return parent(ip.path, [STAND_IN.address]);
  }
  const lengthened = typeof ip.value === "string" && fits && length !== 32 && !ip.value.includes("/");
  return parent(ip.path, [lengthened ? { origin: ip.path, value: `${ip.value}/${length}` } : address]);
}

/** Says why `text` is no IPv4 address, with or without a length. */
function ipProblem(text: string): string | undefined {
  const [address = ""] = text.split("/");
  switch (parseAddress(address)?.family) {
    case 4:
      return undefined;
    case 6:
      return "must be an IPv4 address; our own format takes IPv6 (bgp-lb migrate)";
    default:
      return addressProblem(address, 4);
  }
}

/** In place of values that were found wrong here already, so that the schema does not say so again. */
const STAND_IN = { port: made(1), address: made("192.0.2.1") } as const;

/** A probe every second, one result decides, 3 s at most; HTTP wins over ping, and ping is the default. */
function translateChecks(http: Field, ping: Field, findings: Finding[]): Node {
  const timing = { interval: made("1s"), timeout: made("3s"), rise: made(1), fall: made(1) };
  const check = (field: Field, type: string, rest: Readonly<Record<string, Node | undefined>>) =>
    parent(field.path, [parent(field.path, { type: made(type), ...rest, ...timing })]);
  if (http.value !== undefined) {
    if (ping.value !== undefined) {
      findings.push({
        path: ping.path,
        at: "key",
        severity: "warning",
        message: "is ignored beside httphealthcheck",
      });
    }
    if (!isRecord(http.value)) return parent(http.path, [{ origin: http.path, value: http.value }]);
    const fields = fieldsOf(http, ["path", "port", "scheme", "insecureSkipVerify"], findings);
    const scheme = lowerCase(fields("scheme"));
    return check(http, "http", {
      address: made("127.0.0.1"),
      port: leaf(fields("port")),
      path: leaf(absolutePath(fields("path"))),
      scheme: leaf(scheme),
      insecureSkipVerify: scheme.value === "https" ? leaf(fields("insecureSkipVerify")) : undefined,
    });
  }
  if (ping.value === undefined) return check(ping, "ping", { addresses: made(["1.1.1.1", "8.8.8.8"]) });
  if (!isRecord(ping.value)) return parent(ping.path, [{ origin: ping.path, value: ping.value }]);
  const addresses = fieldsOf(ping, ["addresses"], findings)("addresses");
  return check(ping, "ping", { addresses: leaf(addresses) });
}

/** The reference puts a slash before the path itself. */
function absolutePath(field: Field): Field {
  return typeof field.value === "string" ? { ...field, value: `/${field.value.replace(/^\/+/, "")}` } : field;
}

/** The empty text means absent, as in the reference. */
function lowerCase(field: Field): Field {
  if (typeof field.value !== "string") return field;
  return { ...field, value: field.value === "" ? undefined : field.value.toLowerCase() };
}

/** Looks keys up as Go does; reports those that are not in `known`. */
function fieldsOf(field: Field, known: readonly string[], findings: Finding[]): (key: string) => Field {
  const fields = new Map<string, Field>();
  for (const [spelt, value] of isRecord(field.value) ? Object.entries(field.value) : []) {
    const key = known.find((candidate) => candidate.toLowerCase() === spelt.toLowerCase());
    const path = [...field.path, spelt];
    if (key === undefined) findings.push(unknownKey(path, spelt, known));
    else if (value !== null) fields.set(key, { value, path });
  }
  return (key) => fields.get(key) ?? { value: undefined, path: [...field.path, key] };
}

function unknownKey(path: Path, spelt: string, known: readonly string[]): Finding {
  const guess = nearest(spelt, known);
  if (guess !== undefined) {
    return { path, at: "key", message: `is not a known key, did you mean ${guess}?`, showValue: "never" };
  }
  if (path.length === 1 && ["log", "http", "control", "network"].includes(spelt)) {
    const message = "belongs to our own format, which has services and not service (bgp-lb migrate)";
    return { path, at: "key", message, showValue: "never" };
  }
  return {
    path,
    at: "key",
    severity: "warning",
    message: "is not a known key and ignored",
    showValue: "never",
  };
}

function leaf({ value, path }: Field): Node | undefined {
  return value === undefined ? undefined : { origin: path, value };
}

/** A value that the reference has in its code and not in its file. */
function made(value: unknown): Node {
  return { origin: [], value };
}

function parent(
  origin: Path,
  children: Readonly<Record<string, Node | undefined>> | readonly Node[],
  names: Readonly<Record<string, string>> = {},
): Node {
  if (Array.isArray(children)) return { origin, list: true, children: new Map(children.entries()) };
  const present = new Map<string, Node>();
  for (const [key, child] of Object.entries(children)) if (child !== undefined) present.set(key, child);
  return { origin, children: present, names };
}

/** A list of mappings; what is not one is left for the schema to refuse. */
function each(field: Field, translateItem: (item: Field) => Node): Node | undefined {
  if (!Array.isArray(field.value)) return leaf(field);
  return parent(
    field.path,
    field.value.map((value: unknown, index) => {
      const item = { value, path: [...field.path, index] };
      return isRecord(value) ? translateItem(item) : { origin: item.path, value };
    }),
  );
}

function plain(node: Node): unknown {
  if (node.children === undefined) return node.value;
  if (node.list === true) return [...node.children.values()].map(plain);
  return Object.fromEntries([...node.children].map(([key, child]) => [key, plain(child)]));
}

function originOf(root: Node, path: Path): Path {
  let here = root;
  for (const [index, step] of path.entries()) {
    const next = here.children?.get(step);
    if (next === undefined) {
      const name = typeof step === "string" ? here.names?.[step] ?? step : step;
      return [...here.origin, name, ...path.slice(index + 1)];
    }
    here = next;
  }
  return here.origin;
}
