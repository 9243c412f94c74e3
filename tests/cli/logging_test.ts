import assert from "node:assert/strict";
import { openLog } from "../../src/cli/logging.ts";
import type { LogFormat } from "../../src/config/config.ts";

async function logged(format: LogFormat, isTerminal: boolean): Promise<readonly string[]> {
  const lines: string[] = [];
  const log = await openLog("info", format, {
    isTerminal,
    write: (line) => void lines.push(line),
    setLostLine() {},
  });
  log.getChild("bgp").debug("below the level");
  log.getChild("bgp").info("peer {state}", { state: "Established", peer: "r 1", cause: new Error("so") });
  return lines;
}

Deno.test("openLog() writes JSON off a terminal and text on one; a format that is set wins (CONTRACT log.format)", async () => {
  for (const [format, terminal] of [["auto", false], ["json", true]] as const) {
    const lines = await logged(format, terminal);
    assert.equal(lines.length, 1);
    const record: Record<string, unknown> = JSON.parse(lines[0] ?? "");
    assert.match(String(record["time"]), /^\d{4}-\d\d-\d\dT/);
    delete record["time"];
    assert.deepEqual(record, {
      level: "info",
      logger: "bgp-lb.bgp",
      message: "peer Established",
      state: "Established",
      peer: "r 1",
      cause: "so",
    });
  }
  for (const [format, terminal] of [["auto", true], ["text", false]] as const) {
    const lines = await logged(format, terminal);
    assert.match(
      lines[0] ?? "",
      /^\d\d:\d\d:\d\d\.\d{3} info {4}bgp {6}peer Established peer="r 1" cause=so\n$/,
    );
  }
});
