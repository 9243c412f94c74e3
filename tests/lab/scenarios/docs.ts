/** The commands of docs/failures.md that need dummy interfaces and IPVS, on a host of the lab whose agent runs. */
import { ok } from "node:assert/strict";
import { missing, stepsOf } from "../../support/doc_steps.ts";
import { repositoryRoot, run } from "../../support/process.ts";
import type { Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

/** The shell's own statuses for a command that cannot be run begin here. */
const NOT_RUN = 126;

/** What is shown of each block is in what its commands answer together; a command that stands in several is run once. */
export const documentedCommands: Scenario<World> = {
  name: "docs/failures.md: the commands for the kernel run, and answer what is shown",
  async run(world, { say }) {
    await world.steady();
    const [host] = world.hosts;
    if (host === undefined) throw new Error("no host");
    const { folder, agent } = host.placement;
    const words = agent.map((word) => `'${word}'`).join(" ");
    const ours = `bgp_lb() { ${words} "$@" --control-socket '${folder}/${host.name}.sock'; }\n`;
    const steps = stepsOf(`${repositoryRoot()}/docs/failures.md`).filter(({ block }) =>
      block.scene === "kernel"
    );
    ok(steps.length >= 8, `${steps.length} blocks`);
    const answers = new Map<string, string>();
    for (const { block, shown } of steps) {
      const lines = block.text.split("\n");
      for (const line of lines) {
        if (answers.has(line)) continue;
        const script = ours + line.replace(/^bgp-lb doctor$/, `$& '${folder}/${host.name}.json'`)
          .replace(/^bgp-lb/, "bgp_lb");
        const { code, stdout, stderr } = await run("ip", ["netns", "exec", host.name, "sh", "-c", script]);
        ok(
          code < NOT_RUN && !/unknown (command|option)|not found$/m.test(stderr),
          `${line}: ${code} ${stderr}`,
        );
        answers.set(line, stdout + stderr);
      }
      const answer = lines.map((line) => answers.get(line)).join("\n");
      const lacking = missing(answer, shown);
      ok(lacking.length === 0, `line ${block.line} lacks ${lacking.join("; ")}: ${answer}`);
    }
    say([...answers.keys()].join("; "));
    return `${steps.length} blocks, ${answers.size} commands`;
  },
};
