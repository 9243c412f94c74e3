/**
 * Whom `flood_bench.ts` floods: this speaker on both of its transports, BIRD and GoBGP, alike in what they are told: AS
 * 65001 at 127.0.0.1, two passive neighbours of AS 65002, nothing imported, one route announced and another at a word.
 */
import { agentArguments } from "../support/agent.ts";

/** Where every subject listens, and for whom. */
export const SPEAKER = "127.0.0.1";
export const PEERS = ["127.0.0.2", "127.0.0.3"] as const;
/** The hold time that is agreed on, in seconds; KEEPALIVEs are due after a third of it. */
export const HOLD_TIME = 3;

const FIRST = "10.99.0.1/32";
const SECOND = "10.98.0.1/32";

/** Where a subject runs. */
export interface Place {
  /** For its files; it is gone afterwards. */
  readonly folder: string;
  /** Where it listens; the next one is its own, too. */
  readonly port: number;
}

/** A speaker in a process of its own. */
export interface Subject {
  readonly name: string;
  /** Writes its configuration and gives the command that starts it. */
  command(place: Place): Promise<readonly string[]>;
  /** Gives it a first route, where its configuration cannot. */
  prepare?(place: Place): Promise<void>;
  /** Makes it announce one route more. */
  change(place: Place, child: Deno.ChildProcess): Promise<void>;
}

/** Everyone who is measured. */
export const SUBJECTS: readonly Subject[] = [
  ownSpeaker("bgp-lb", () => true),
  ownSpeaker("bgp-lb without FFI", (flag) => flag !== "--allow-ffi"),
  bird(),
  gobgp(),
];

/** The speaker of this repository, started as the task `agent` starts it, with the flags that `has` lets through. */
function ownSpeaker(name: string, has: (flag: string) => boolean): Subject {
  const args = agentArguments(`${import.meta.dirname}/flood_speaker.ts`).filter(has);
  return {
    name,
    command: ({ port }) => Promise.resolve([Deno.execPath(), ...args, `${port}`]),
    async change(_place, { stdin }) {
      const writer = stdin.getWriter();
      await writer.write(new TextEncoder().encode("change\n"));
      writer.releaseLock();
    },
  };
}

function bird(): Subject {
  const socket = ({ folder }: Place) => `${folder}/bird.ctl`;
  return {
    name: "BIRD",
    async command(place) {
      const { folder, port } = place;
      const neighbours = PEERS.map((peer) =>
        `protocol bgp {
  local ${SPEAKER} port ${port} as 65001;
  neighbor ${peer} as 65002;
  multihop;
  passive;
  hold time ${HOLD_TIME};
  ipv4 { import none; export all; };
}
`
      );
      await Deno.writeTextFile(
        `${folder}/bird.conf`,
        `router id 10.0.0.1;
protocol device {}
protocol static one { ipv4; route ${FIRST} blackhole; }
protocol static two { disabled; ipv4; route ${SECOND} blackhole; }
${neighbours.join("")}`,
      );
      return ["bird", "-f", "-c", `${folder}/bird.conf`, "-s", socket(place), "-P", `${folder}/bird.pid`];
    },
    change: (place) => run("birdc", ["-s", socket(place), "enable", "two"]),
  };
}

function gobgp(): Subject {
  const announce = ({ port }: Place, prefix: string) =>
    run("gobgp", ["-p", `${port + 1}`, "global", "rib", "add", prefix, "-a", "ipv4"]);
  return {
    name: "GoBGP",
    async command({ folder, port }) {
      const neighbours = PEERS.map((peer) =>
        `[[neighbors]]
  [neighbors.config]
    neighbor-address = "${peer}"
    peer-as = 65002
  [neighbors.transport.config]
    passive-mode = true
  [neighbors.timers.config]
    hold-time = ${HOLD_TIME}
  [neighbors.ebgp-multihop.config]
    enabled = true
  [neighbors.apply-policy.config]
    default-import-policy = "reject-route"
`
      );
      await Deno.writeTextFile(
        `${folder}/gobgp.toml`,
        `[global.config]
  as = 65001
  router-id = "10.0.0.1"
  port = ${port}
  local-address-list = ["${SPEAKER}"]
${neighbours.join("")}`,
      );
      return ["gobgpd", "-f", `${folder}/gobgp.toml`, "--api-hosts", `${SPEAKER}:${port + 1}`, "-l", "error"];
    },
    async prepare(place) {
      for (let attempt = 0; attempt < 50; attempt++) {
        try {
          return await announce(place, FIRST);
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
      throw new Error("gobgp does not answer");
    },
    change: (place) => announce(place, SECOND),
  };
}

/** @throws where the command fails */
async function run(command: string, args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args: [...args], stdout: "null", stderr: "null" })
    .output();
  if (!success) throw new Error(`${command} ${args.join(" ")} fails`);
}
