/** The ports of an agent with what it must know of them: timers that threw, writes that did not get to the disk. */
import { messageOf } from "../text/error_message.ts";
import { sturdyClock } from "../time/clock.ts";
import type { AgentPorts } from "./ports.ts";
import { toldWrites } from "./state_writes.ts";

/** The same ports; `tellWrite` hears of each write of a file of state whether it got to the disk. */
export function watchedPorts(
  ports: AgentPorts,
  tellWrite: (file: string, isKept: boolean) => void,
): AgentPorts {
  const clock = sturdyClock(ports.clock, (error) => {
    ports.events.publish({ kind: "fault", part: "agent", name: "timer", cause: messageOf(error) });
  });
  return { ...ports, clock, stateFiles: toldWrites(ports.stateFiles, clock, tellWrite) };
}
