import assert from "node:assert/strict";
import { openLog, plainLine } from "../../src/cli/logging.ts";
import type { LogFormat } from "../../src/config/config.ts";

async function logged(
  format: LogFormat,
  isTerminal: boolean,
  isJournal = false,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const log = await openLog("info", format, {
    isTerminal,
    isJournal,
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

Deno.test("openLog() gives each line to a journal its priority, before JSON as before text, and none to anything else (sd-daemon(3))", async () => {
  for (const format of ["json", "text"] as const) {
    const [plain = ""] = await logged(format, false);
    const [line = ""] = await logged(format, false, true);
    assert.match(line, /^<6>/);
    assert.equal(
      line.replace(/\d\d:\d\d:\d\d\.\d{3}Z?/, ""),
      `<6>${plain.replace(/\d\d:\d\d:\d\d\.\d{3}Z?/, "")}`,
    );
    assert.doesNotMatch(plain, /^</);
  }
  const output = { isTerminal: false, write() {}, setLostLine() {} };
  assert.equal(plainLine("no", "error", { ...output, isJournal: true }), "<3>no\n");
  assert.equal(plainLine("hm", "warning", { ...output, isJournal: true }), "<4>hm\n");
  assert.equal(plainLine("no", "error", { ...output, isJournal: false }), "no\n");
});
