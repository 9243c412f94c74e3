/** `bgp-lb completions --list KIND`: names of the running agent for a shell that completes a word; silent where there are none. */
import type { Answer, ControlRequest } from "../control/client.ts";
import { parseSocketPath } from "../config/values/socket_path.ts";
import { UNPRINTABLE } from "../text/escapes.ts";
import { type Clock, sleep } from "../time/clock.ts";
import { ExitStatus } from "./exit_status.ts";

/** The way to the agent. */
export interface ListPorts {
  /** @throws {Error} where no agent answers */
  askControl(request: ControlRequest): Promise<Answer>;
  readonly clock: Clock;
  stdout(text: string): void;
}

/** Whoever pressed a key does not wait for longer. */
const LIMIT_MS = 1000;

const PLACES: ReadonlyMap<string, (answer: unknown) => unknown> = new Map([
  ["services", (answer: unknown) => fieldOf(answer, "services")],
  ["peers", (answer: unknown) => answer],
]);

/** Prints a name in each line; resolves to the exit status, which says whether they are all. */
export async function listNames(kind: string, socket: string, ports: ListPorts): Promise<number> {
  const place = PLACES.get(kind);
  const path = parseSocketPath(socket);
  if (place === undefined || "problem" in path || path.value === undefined) return ExitStatus.USAGE;
  const request = { path: path.value, target: `/v1/${kind}`, accept: "application/json" };
  const asking = ports.askControl(request).catch(() => undefined);
  const answer = await Promise.race([asking, sleep(ports.clock, LIMIT_MS)]);
  if (answer?.status !== 200) return ExitStatus.FAILED;
  ports.stdout(namesOf(place, answer.body).map((name) => `${name}\n`).join(""));
  return ExitStatus.OK;
}

function namesOf(place: (answer: unknown) => unknown, body: string): readonly string[] {
  try {
    const list = place(JSON.parse(body));
    const names = Array.isArray(list) ? list.map((each) => fieldOf(each, "name")) : [];
    return names.flatMap((name) => typeof name === "string" && name.search(UNPRINTABLE) < 0 ? [name] : []);
  } catch {
    return [];
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)).get(name) : undefined;
}
