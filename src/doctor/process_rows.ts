/** What this process may do: capabilities, descriptors, files. The agent may do other than whoever runs doctor: it is said. */
import { type Cure, listed, ok, problem, type Row, warning } from "./finding.ts";
import { type Host, NotSeenError } from "./host.ts";
import type { Subject } from "./subject.ts";
import { sysctl } from "./sysctl.ts";

/** Bits of <linux/capability.h>. */
/** Bits of capabilities (linux/capability.h). */
export const CAP = {
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
  SYS_RESOURCE: 24,
} as const;

/** The rows. */
export const PROCESS_ROWS: readonly Row[] = [
  {
    name: "capabilities",
    applies: (subject) => usesOf(subject).length > 0,
    look(host, subject) {
      const first = sysctl(host, "net.ipv4.ip_unprivileged_port_start") ?? 1024;
      const uses = usesOf(subject).filter(({ port }) => port === undefined || port < first);
      if (uses.length === 0) return [ok(`none is needed: ports from ${first} on are for everybody`)];
      const lacking = uses.filter(({ capability }) => !hasCapability(host, CAP[capability]));
      if (lacking.length === 0) {
        return [
          ok(`this process has ${listed([...new Set(uses.map(({ capability }) => `CAP_${capability}`))])}`),
        ];
      }
      const byCapability = Map.groupBy(lacking, ({ capability }) => capability);
      const cure = capabilityCure(host, [...byCapability.keys()]);
      return [...byCapability].map(([capability, what]) =>
        (what.every(({ optional }) => optional) ? warning : problem)(
          `this process does not have CAP_${capability}`,
          `without it the agent cannot ${listed(what.map(({ use }) => use))}`,
          cure,
        )
      );
    },
  },
  {
    name: "ping",
    applies: ({ pings }) => pings,
    look(host) {
      if (hasCapability(host, CAP.NET_RAW)) return [ok("this process has CAP_NET_RAW")];
      const { group, groups } = credentials(host);
      const range = host.read("/proc/sys/net/ipv4/ping_group_range") ?? "";
      const [low = 1, high = 0] = range.trim().split(/\s+/).map(Number);
      if ([group, ...groups].some((each) => each >= low && each <= high)) {
        return [ok(`group ${group} may ping (net.ipv4.ping_group_range ${low} to ${high})`)];
      }
      return [
        problem(
          `this process has no CAP_NET_RAW, and its groups are not in net.ipv4.ping_group_range (${low} to ${high})`,
          "ping checks cannot send: their services never become healthy",
          { command: `sysctl -w net.ipv4.ping_group_range="${group} ${group}"`, cure: AS_ROOT },
        ),
      ];
    },
  },
  {
    name: "descriptors",
    applies: ({ descriptorNeed }) => descriptorNeed !== undefined,
    look(host, { descriptorNeed: need = 0 }) {
      const { hard } = host.descriptorLimit();
      if (hard >= need) return [ok(`${need} may be needed, ${hard} may be had`)];
      if (hasCapability(host, CAP.SYS_RESOURCE)) {
        return [ok(`${need} may be needed; of ${hard} the agent raises the limit itself (CAP_SYS_RESOURCE)`)];
      }
      return [
        warning(
          `${need} may be needed, ${hard} may be had`,
          "BGP and the kernel come first: probes and clients beyond that wait, or say nothing of a service",
          {
            cure: `LimitNOFILE=${need} in the unit; for what this shell starts, as root:`,
            command: `prlimit --pid $$ --nofile=${need}:${need}`,
          },
        ),
      ];
    },
  },
  {
    name: "secrets",
    applies: ({ secrets }) => secrets.length > 0,
    look(_host, { secrets }) {
      const open = secrets.filter(({ mode = 0 }) => (mode & 0o066) !== 0);
      if (open.length === 0) {
        return [ok(`${listed(secrets.map(({ path }) => path))}: read by their owner alone`)];
      }
      return open.map(({ path, mode = 0 }) => {
        const who = [
          ...(mode & 0o060) === 0 ? [] : ["its group"],
          ...(mode & 0o006) === 0 ? [] : ["every user"],
        ];
        const verb = (mode & 0o022) === 0 ? "read" : "change";
        return warning(
          `${listed(who)} can ${verb} ${path} (mode ${mode.toString(8).padStart(4, "0")})`,
          "the passwords of BGP sessions are in it: who has them can reset sessions, or pose as this host",
          { command: `chmod go= ${quoted(path)}` },
        );
      });
    },
  },
  {
    name: "state directory",
    applies: ({ stateDirectory }) => stateDirectory !== undefined,
    look(host, { stateDirectory: folder = "/" }) {
      const nearest = nearestThere(host, folder);
      if (host.mayWrite(nearest) === true) {
        return [ok(nearest === folder ? `${folder} can be written to` : `${folder} can be made`)];
      }
      return [
        warning(
          nearest === folder
            ? `${folder} cannot be written to`
            : `${folder} is not there, and ${nearest} cannot be written to`,
          "drains are kept there: one that was ordered does not outlive the agent",
          {
            command: `mkdir -p ${quoted(folder)} && chown ${credentials(host).user} ${
              quoted(folder)
            } && chmod 700 ${quoted(folder)}`,
            cure: "as root; on a file system that is mounted read-only name another state.directory",
          },
        ),
      ];
    },
  },
];

const AS_ROOT =
  "run the agent as root, as its unit does; or as another user with AmbientCapabilities=, by setpriv(1), or where its group may ping:";

/** The agent may be started otherwise than this process was. */
/** What gives these capabilities to whoever runs this. */
export function capabilityCure(host: Host, capabilities: readonly string[]): Cure {
  const { user, group } = credentials(host);
  if (user === 0) {
    const options = capabilities.map((name) => `--cap-add=${name}`).join(" ");
    return {
      cure:
        `root is without it here: give it to the container (docker run ${options}), or to the unit's CapabilityBoundingSet=`,
    };
  }
  const added = capabilities.map((name) => `+${name.toLowerCase()}`).join(",");
  return {
    cure:
      "the agent is fit where it runs as root, as its unit does. To look as root, or to run as another user, as root:",
    command:
      `setpriv --reuid=${user} --regid=${group} --clear-groups --inh-caps=${added} --ambient-caps=${added} bgp-lb doctor`,
  };
}

/** Whether this process has the capability of that bit. @throws {NotSeenError} */
export function hasCapability(host: Host, bit: number): boolean {
  const effective = statusField(host, "CapEff");
  return ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n;
}

function credentials(host: Host) {
  const numbers = (field: string) =>
    statusField(host, field).split(/\s+/).filter((text) => text !== "").map(Number);
  // Real, effective, saved, of the file system.
  const [, user = 0] = numbers("Uid");
  const [, group = 0] = numbers("Gid");
  return { user, group, groups: numbers("Groups") };
}

function statusField(host: Host, field: string): string {
  const line = host.read("/proc/self/status")?.split("\n").find((each) => each.startsWith(`${field}:`));
  if (line === undefined) throw new NotSeenError("/proc/self/status cannot be read");
  return line.slice(field.length + 1).trim();
}

interface Use {
  readonly capability: "NET_ADMIN" | "NET_BIND_SERVICE" | "SETUID" | "SETGID" | "KILL";
  /** What for. */
  readonly use: string;
  /** What is listened on, where it is needed for that. */
  readonly port?: number;
  /** Services are announced all the same. */
  readonly optional: boolean;
}

function usesOf(
  { managesLinks, programsIpvs, listenPort, listenAddresses, http, checkPrograms }: Subject,
): readonly Use[] {
  return [
    ...managesLinks
      ? [{ capability: "NET_ADMIN", use: "set interfaces and addresses", optional: false } as const]
      : [],
    ...programsIpvs
      ? [{ capability: "NET_ADMIN", use: "set virtual services", optional: false } as const]
      : [],
    ...listenPort > 0 && listenAddresses.length > 0 ? [listening("BGP", listenPort, false)] : [],
    ...http === undefined ? [] : [listening("http.listen", http.port, true)],
    ...checkPrograms.some(({ user }) => user !== undefined) ? AS_ANOTHER_USER : [],
  ];
}

/** What an exec check with `user` needs. */
const AS_ANOTHER_USER: readonly Use[] = [
  { capability: "SETUID", use: "run checks as another user", optional: false },
  { capability: "SETGID", use: "run checks with another user's groups", optional: false },
  { capability: "KILL", use: "end checks of another user that hang", optional: false },
];

function listening(what: string, port: number, optional: boolean): Use {
  return { capability: "NET_BIND_SERVICE", use: `listen on port ${port} for ${what}`, port, optional };
}

/** The folder, or the nearest one above it that is there. */
function nearestThere(host: Host, folder: string): string {
  let path = folder;
  while (path !== "/" && host.mayWrite(path) === undefined) {
    path = path.slice(0, path.lastIndexOf("/")) || "/";
  }
  return path;
}

/** As one word for a shell. */
export function quoted(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
