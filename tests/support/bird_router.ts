/** BIRD 2 as one of the routers that every interoperability test runs with. */
import { Bird } from "./bird.ts";
import { ROUTER, type Router, ROUTER_AS, type RouterSession, type SeenRoute } from "./interop.ts";

/** What BIRD announces where it is to flood: lines of `protocol static`, by family. */
export interface BirdOptions {
  readonly statics?: { readonly 4: readonly string[]; readonly 6: readonly string[] };
  /** `bfd` of every session, such as `graceful`; 50 ms by 3. */
  readonly bfd?: string;
}

/** BIRD, which can be told to send what it has again. */
export interface BirdRouter extends Router {
  resend(neighbor: string): Promise<void>;
}

/** Starts BIRD with these sessions. */
export async function startBird(
  sessions: readonly RouterSession[],
  prefix: readonly string[],
  options: BirdOptions = {},
): Promise<BirdRouter> {
  const bird = await Bird.start(configuration(sessions, options), prefix);
  const protocolOf = (neighbor: string) =>
    `s${sessions.findIndex((session) => session.neighbor === neighbor)}`;
  return {
    name: "BIRD",
    async routes(wanted) {
      const answer = await bird.ask(`show route all ${wanted}`);
      return parseRoutes(answer, (protocol) => sessions[Number(protocol.slice(1))]?.neighbor ?? protocol);
    },
    async count(neighbor, family) {
      const table = `master${family}`;
      const answer = await bird.ask(`show route protocol ${protocolOf(neighbor)} table ${table} count`);
      return Number(/(\d+) of \d+ routes/.exec(answer)?.[1] ?? 0);
    },
    words: (neighbor) => bird.ask(`show protocols all ${protocolOf(neighbor)}`),
    established: async (neighbor) =>
      /Established/.test(await bird.ask(`show protocols ${protocolOf(neighbor)}`)),
    resend: async (neighbor) => void await bird.ask(`reload out ${protocolOf(neighbor)}`),
    refresh: async (neighbor) => void await bird.ask(`reload in ${protocolOf(neighbor)}`),
    shutDown: async (neighbor, communication) =>
      void await bird.ask(`disable ${protocolOf(neighbor)} "${communication}"`),
    enable: async (neighbor) => void await bird.ask(`enable ${protocolOf(neighbor)}`),
    end: (signal) => bird.end(signal),
    run: () => bird.run(),
    log: () => Promise.resolve(""),
    [Symbol.asyncDispose]: () => bird[Symbol.asyncDispose](),
  };
}

function configuration(sessions: readonly RouterSession[], { statics, bfd }: BirdOptions): string {
  return `
    router id ${ROUTER[4]};
    protocol device {}
    protocol direct { ipv4; ipv6; }
    protocol static { ipv4; ${statics?.[4].join("\n") ?? ""} }
    protocol static { ipv6; ${statics?.[6].join("\n") ?? ""} }
    ${bfd === undefined ? "" : `protocol bfd { interface "*" { interval 50 ms; multiplier 3; }; }`}
    ${sessions.map((session, index) => protocol(session, index, bfd)).join("\n")}`;
}

function protocol(session: RouterSession, index: number, bfd: string | undefined): string {
  const { neighbor, peerAs, families, holdTime, password, multihop, gracefulRestart } = session;
  const link = neighbor.startsWith("fe80:");
  const local = session.local ?? (link ? ROUTER.link : ROUTER[neighbor.includes(":") ? 6 : 4]);
  const zone = link && session.unnumbered !== true ? `%${ROUTER.device}` : "";
  const exported = session.floods === true ? `where source = RTS_STATIC` : "none";
  const lines = [
    `local ${local} as ${ROUTER_AS}`,
    ...(session.unnumbered === true
      ? [`neighbor range fe80::/10 as ${peerAs}`, `interface "${ROUTER.device}"`, `dynamic name "s${index}_"`]
      : [`neighbor ${neighbor}${zone} ${session.anyAs === true ? "external" : `as ${peerAs}`}`]),
    `passive ${session.passive ? "on" : "off"}`,
    ...(session.local === undefined ? [] : ["strict bind yes"]),
    "connect delay time 1",
    "connect retry time 1",
    "error wait time 1, 2",
    ...(holdTime === undefined ? [] : [`hold time ${holdTime}`]),
    ...(password === undefined ? [] : [`password "${password}"`]),
    ...(session.ttlSecurity === true ? ["ttl security on"] : []),
    ...(multihop === undefined ? [] : [`multihop ${multihop}`]),
    ...(gracefulRestart === undefined
      ? ["graceful restart off"]
      : ["graceful restart on", `graceful restart time ${gracefulRestart}`]),
    ...(bfd === undefined ? [] : [`bfd ${bfd}`]),
    ...(session.twoOctetAs === true ? ["enable as4 off"] : []),
    ...(session.noCapabilities === true ? ["capabilities off"] : []),
    ...(session.extendedMessages === true ? ["enable extended messages on"] : []),
    ...families.map((family) => {
      const extended = session.extendedNextHop === true && family === 4 ? "extended next hop on; " : "";
      return `ipv${family} { import all; export ${exported}; ${extended}}`;
    }),
  ];
  return `protocol bgp s${index} { ${lines.join("; ")}; }`;
}

/** The answer to `show route all`. */
function parseRoutes(answer: string, neighborOf: (protocol: string) => string): readonly SeenRoute[] {
  const blocks = answer.split(/^(?=\S.*? \[s\d+|\s+unicast \[s\d+)/m);
  return blocks.flatMap((block) => {
    const protocol = /\[(s\d+)/.exec(block)?.[1];
    if (protocol === undefined) return [];
    const attribute = (name: string) => new RegExp(`BGP\\.${name}: ?(.*)`).exec(block)?.[1]?.trim();
    const list = (name: string) =>
      [...(attribute(name) ?? "").matchAll(/\(([^)]*)\)/g)].map(([, words = ""]) =>
        words.split(/, ?/).join(":")
      );
    return [{
      from: neighborOf(protocol),
      nextHops: (attribute("next_hop") ?? "").split(" ").filter((word) => word !== ""),
      asPath: attribute("as_path") ?? "",
      med: numberOf(attribute("med")),
      localPref: numberOf(attribute("local_pref")),
      communities: list("community"),
      largeCommunities: list("large_community"),
      extendedCommunities: list("ext_community"),
      stale: false,
    }];
  });
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
