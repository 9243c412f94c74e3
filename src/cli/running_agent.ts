/** Whether an agent runs on this host, by asking on every control socket that it could have. */
import type { AgentIdentity, Found } from "../control/client.ts";
import { messageOf } from "../text/error_message.ts";

/** An agent, none, or why that cannot be known. */
export type Running =
  | { readonly type: "agent"; readonly path: string; readonly agent: AgentIdentity }
  | { readonly type: "nobody" }
  | { readonly type: "unknown"; readonly reason: string };

/** Asks at each of `paths`; an agent at any of them counts, then whatever is in doubt. Never throws. */
export async function findRunning(
  paths: readonly string[],
  findAgent: (path: string) => Promise<Found>,
): Promise<Running> {
  const found = await Promise.all([...new Set(paths)].map((path) => askAt(path, findAgent)));
  return found.find(({ type }) => type === "agent") ?? found.find(({ type }) => type === "unknown") ??
    { type: "nobody" };
}

async function askAt(path: string, findAgent: (path: string) => Promise<Found>): Promise<Running> {
  try {
    const found = await findAgent(path);
    switch (found.type) {
      case "agent":
        return { type: "agent", path, agent: found.agent };
      case "nobody":
        return { type: "nobody" };
      case "silent":
        return { type: "unknown", reason: `somebody listens at ${path}, and does not answer in time` };
      case "other":
        return { type: "unknown", reason: `what answers at ${path} is no agent` };
      default:
        return found satisfies never;
    }
  } catch (error) {
    return { type: "unknown", reason: `${path} cannot be asked: ${messageOf(error)}` };
  }
}

/** An agent in words, such as `an agent (pid 7, version 0.1.0) runs at /run/bgp-lb/control.sock`. */
export function agentText({ path, agent }: Extract<Running, { readonly type: "agent" }>): string {
  const facts = [
    ...agent.pid === undefined ? [] : [`pid ${agent.pid}`],
    ...agent.version === undefined ? [] : [`version ${agent.version}`],
  ];
  return `an agent${facts.length === 0 ? "" : ` (${facts.join(", ")})`} runs at ${path}`;
}
