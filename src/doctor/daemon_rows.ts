/** Whether a network daemon of this host would take our interfaces: systemd-networkd, NetworkManager. */
import { listed, ok, type Row, warning } from "./finding.ts";
import type { Host } from "./host.ts";
import { running } from "./processes.ts";

/** In the order in which networkd reads them: of one name the first folder's counts. */
const NETWORKD_FOLDERS = [
  "/etc/systemd/network",
  "/run/systemd/network",
  "/usr/local/lib/systemd/network",
  "/usr/lib/systemd/network",
];
const NM_FOLDERS = [
  "/etc/NetworkManager/conf.d",
  "/run/NetworkManager/conf.d",
  "/usr/lib/NetworkManager/conf.d",
];

/** What udev says of our interfaces where the package's rules are, by which both daemons leave them alone. */
const OURS_BY_UDEV = "ID_NET_MANAGED_BY=bgp-lb";
const UDEV_RULES = "/usr/lib/udev/rules.d/90-bgp-lb.rules";

/** The rows. */
export const DAEMON_ROWS: readonly Row[] = [
  {
    name: "systemd-networkd",
    applies: ({ interfaces }) => interfaces.length > 0,
    look(host, { interfaces }) {
      if (running(host, ["systemd-networkd"]).length === 0) return [ok("does not run")];
      const files = networkFiles(host);
      const taken = interfaces.flatMap(({ name }) => {
        const file = files.find(({ text }) => matchesLink(text, name));
        return file === undefined || isUnmanaged(file.text) ? [] : [{ name, path: file.path }];
      });
      if (taken.length === 0) return [ok("leaves our interfaces alone")];
      return [
        warning(
          `${listed([...new Set(taken.map(({ path }) => path))])} matches ${
            listed(taken.map(({ name }) => name))
          }`,
          "it takes interfaces over when it starts or reloads, and then removes addresses that it did not set: services are " +
            "withdrawn until the agent has set them again",
          {
            command:
              `printf '[Match]\\nName=${
                taken.map(({ name }) => name).join(" ")
              }\\n\\n[Link]\\nUnmanaged=yes\\n' ` +
              "> /etc/systemd/network/00-bgp-lb.network && networkctl reload",
          },
        ),
      ];
    },
  },
  {
    name: "NetworkManager",
    applies: ({ interfaces }) => interfaces.length > 0,
    look(host, { interfaces }) {
      if (running(host, ["NetworkManager"]).length === 0) return [ok("does not run")];
      if (host.read(UDEV_RULES)?.includes("NM_UNMANAGED") === true) {
        return [ok(`${UDEV_RULES} keeps it from them`)];
      }
      const text = managerTexts(host).join("\n");
      const specs = [...text.matchAll(/^\s*unmanaged-devices\s*\+?=\s*(.*)$/gm)]
        .flatMap(([, list = ""]) => list.split(/[;,]/).map((spec) => spec.trim()));
      const taken = interfaces.map(({ name }) => name).filter((name) =>
        !specs.some((spec) => coversLink(spec, name))
      );
      if (taken.length === 0) return [ok("our interfaces are among its unmanaged-devices")];
      return [
        warning(
          `${listed(taken)} are not among its unmanaged-devices`,
          "it may make a connection of an interface that it sees, and set or remove addresses on it",
          {
            command:
              `printf '[keyfile]\\nunmanaged-devices+=${
                taken.map((name) => `interface-name:${name}`).join(";")
              }\\n' ` +
              "> /etc/NetworkManager/conf.d/bgp-lb.conf && systemctl reload NetworkManager",
          },
        ),
      ];
    },
  },
];

interface File {
  readonly path: string;
  readonly text: string;
}

/** The .network files in the order of their names, whichever folder they are in. */
function networkFiles(host: Host): readonly File[] {
  const paths = new Map<string, string>();
  for (const folder of NETWORKD_FOLDERS) {
    for (const name of host.list(folder)) {
      if (name.endsWith(".network") && !paths.has(name)) paths.set(name, `${folder}/${name}`);
    }
  }
  return [...paths].toSorted(([a], [b]) => a < b ? -1 : 1)
    .map(([, path]) => ({ path, text: host.read(path) ?? "" }));
}

/** Whether a .network file is for a dummy interface of that name (systemd.network(5), [Match]). */
function matchesLink(text: string, name: string): boolean {
  const match = section(text, "Match");
  const words = (key: string) =>
    match.filter(([each]) => each === key).flatMap(([, value]) => value.split(/\s+/));
  const names = words("Name");
  const kinds = words("Kind");
  const types = words("Type");
  const properties = words("Property");
  const known = new Set(["Name", "Kind", "Type", "Property"]);
  // What else it asks for (a MAC address, a driver, a host) is most likely not said of a dummy.
  if (match.length === 0 || match.some(([key]) => !known.has(key))) return false;
  return isAmong(names, name) && isAmong(kinds, "dummy") && isAmong(types, "ether") &&
    properties.every((property) => property === OURS_BY_UDEV);
}

/** By shell patterns, of which `!` in front of the first turns the list round; an empty list is for all. */
function isAmong(patterns: readonly string[], text: string): boolean {
  const [first = ""] = patterns;
  if (first === "") return true;
  const inverted = first.startsWith("!");
  const list = inverted ? [first.slice(1), ...patterns.slice(1)] : patterns;
  return list.some((pattern) => matchesGlob(pattern, text)) !== inverted;
}

function isUnmanaged(text: string): boolean {
  return section(text, "Link").some(([key, value]) =>
    key === "Unmanaged" && /^(yes|true|on|1|y|t)$/i.test(value)
  );
}

/** The keys and values of a section. */
function section(text: string, name: string): readonly (readonly [string, string])[] {
  let here = false;
  const entries: (readonly [string, string])[] = [];
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line.startsWith("[")) here = line === `[${name}]`;
    const entry = /^([A-Za-z]+)\s*=\s*(.*)$/.exec(line);
    if (here && entry !== null) entries.push([entry[1] ?? "", entry[2] ?? ""]);
  }
  return entries;
}

function managerTexts(host: Host): readonly string[] {
  const paths = NM_FOLDERS.flatMap((folder) => host.list(folder).map((name) => `${folder}/${name}`));
  return ["/etc/NetworkManager/NetworkManager.conf", ...paths.filter((path) => path.endsWith(".conf"))]
    .map((path) => host.read(path) ?? "");
}

/** NetworkManager.conf(5), Device List Format. */
function coversLink(spec: string, name: string): boolean {
  const [key, value] = spec.includes(":")
    ? [spec.slice(0, spec.indexOf(":")), spec.slice(spec.indexOf(":") + 1)]
    : ["", spec];
  if (key === "type" || key === "driver") return value === "dummy" || spec === "*";
  return (key === "interface-name" || key === "") && matchesGlob(value.replace(/^=/, ""), name);
}

function matchesGlob(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+^${}()|\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  try {
    return new RegExp(`^${source}$`).test(text);
  } catch {
    return false;
  }
}
