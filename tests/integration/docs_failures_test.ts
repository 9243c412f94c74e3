/**
 * docs/failures.md: every command of it is run where its symptom is, and every line that it shows is looked for in what
 * that answers. What needs dummy interfaces and IPVS is run in the lab (tests/lab/scenarios/docs.ts).
 */
import assert from "node:assert/strict";
import { COMMANDS } from "../../src/cli/command_table.ts";
import { DocsWorld } from "../support/docs_world.ts";
import { missing, type Step, stepsOf } from "../support/doc_steps.ts";
import { canMakeNamespaces } from "../support/namespace.ts";
import { type Answer, run } from "../support/process.ts";
import { ensurePackages } from "../support/setup.ts";

/** What shown lines may take to come: a session's next attempt. */
const PATIENCE_MS = 30_000;
/** The shell's own statuses for a command that cannot be run begin here. */
const NOT_RUN = 126;

/** Those of docs/operations.md for whom it rings at night are run with them. */
const atNight = stepsOf("docs/operations.md").filter(({ block }) => block.section === "3 a.m.");
const steps = [...atNight, ...stepsOf("docs/failures.md")];

function said({ stdout, stderr }: Answer): string {
  return `${stdout}${stderr}`;
}

/** Runs the commands until they answer as shown: sessions and checks go by their own beat. What is wrong, if anything. */
async function follow(world: DocsWorld, { block, shown }: Step): Promise<string | undefined> {
  let answer = await world.run(block.text, block.scene === "bare");
  const limit = performance.now() + PATIENCE_MS;
  while (missing(said(answer), shown).length > 0 && performance.now() < limit) {
    answer = await world.run(block.text, block.scene === "bare");
  }
  const refused = answer.code >= NOT_RUN || /unknown (command|option)|not found$/m.test(said(answer));
  if (missing(said(answer), shown).length === 0 && !refused) return undefined;
  const where = `line ${block.line} (${block.section})`;
  return `${where}: status ${answer.code}, without\n${missing(said(answer), shown).join("\n")}\nin\n${
    said(answer).slice(0, 3000)
  }`;
}

Deno.test({
  name: "docs/failures.md: every command runs in a world that has the fault, and answers what is shown",
  ignore: !await canMakeNamespaces(),
  async fn() {
    const { advice } = await ensurePackages(
      ["iproute2", "bird2", "openssl", "curl", "nftables"],
      console.log,
    );
    assert.equal(advice, undefined);
    await using world = await DocsWorld.create();
    const run = steps.filter(({ block }) => block.scene === undefined || block.scene === "bare");
    assert.ok(atNight.length === 1 && run.length > 40, `${run.length} blocks are run`);
    const wrong: string[] = [];
    for (const step of run) wrong.push(...[await follow(world, step)].filter((each) => each !== undefined));
    assert.equal(wrong.join("\n\n"), "");
  },
});

Deno.test("docs/failures.md: commands that are not run here can be read by the shell, and those of ours by the agent", async () => {
  const others = steps.filter(({ block }) => block.scene === "kernel" || block.scene === "none");
  assert.ok(others.length > 5);
  for (const { block, shown } of others) {
    if (block.scene === "none") assert.deepEqual(shown, [], `line ${block.line}: it is not run`);
    const { code, stderr } = await run("sh", ["-n", "-c", block.text]);
    assert.equal(code, 0, `line ${block.line}: ${stderr}`);
    for (const [, name] of block.text.matchAll(/^bgp-lb (\S+)/gm)) {
      assert.ok(COMMANDS.some((command) => command.name === name), `line ${block.line}: ${name}`);
    }
  }
});

Deno.test("docs/failures.md has sections enough, each with a command or a cure", () => {
  const text = Deno.readTextFileSync("docs/failures.md");
  const sections = text.split(/^### /m).slice(1);
  assert.ok(sections.length >= 50, `${sections.length} sections`);
  for (const section of sections) assert.match(section, /Cure: /, section.split("\n")[0]);
});
