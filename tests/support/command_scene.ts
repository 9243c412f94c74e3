/** A running agent and a command `bgp-lb` that asks it, in a folder that goes with the test. */
import { agentArguments, AgentProcess } from "./agent.ts";
import { repositoryRoot } from "./process.ts";

/** The scene. */
export class CommandScene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly socket = `${this.folder}/control.sock`;
  /** Where the command is. */
  readonly bin = `${this.folder}/bin`;
  readonly #file = `${this.folder}/config.json`;

  /** @param services names of services */
  constructor(
    services: readonly string[],
    peers: readonly Readonly<Record<string, unknown>>[] = [{ name: "tor-1" }],
  ) {
    const config = {
      network: { setup: false },
      http: { listen: "" },
      state: { directory: "" },
      control: { socket: this.socket },
      bgp: {
        local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
        peers: peers.map((peer, index) => ({ address: `127.0.0.${index + 2}`, as: 65512, port: 9, ...peer })),
      },
      services: services.map((name, index) => ({ name, addresses: [`10.99.0.${index + 1}`] })),
    };
    Deno.writeTextFileSync(this.#file, JSON.stringify(config));
    Deno.mkdirSync(this.bin);
    const words = [Deno.execPath(), ...agentArguments(`${repositoryRoot()}/main.ts`)];
    const quoted = words.map((word) => `'${word}'`).join(" ");
    Deno.writeTextFileSync(
      `${this.bin}/bgp-lb`,
      `#!/bin/sh\nexec ${quoted.replace("'run'", `'run' '--config' '${repositoryRoot()}/deno.json'`)} "$@"\n`,
      { mode: 0o755 },
    );
  }

  /** Starts the agent. */
  async agent(): Promise<AgentProcess> {
    const agent = new AgentProcess(["--config", this.#file]);
    await agent.said('"running"');
    return agent;
  }

  /** Variables with which the command is found. */
  get env(): Readonly<Record<string, string>> {
    return { PATH: `${this.bin}:${Deno.env.get("PATH") ?? ""}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
