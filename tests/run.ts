/**
 * `deno task ok` and `deno task test`: every check as a step of its own, counted. Static checks count as one each,
 * tests as Deno's JUnit report counts them. The last line is `N passed, N failed`; what was skipped stands before it.
 */
import { stripVTControlCharacters } from "node:util";
import { parseJunit, type TestCase } from "./support/junit.ts";
import { ensurePackages } from "./support/setup.ts";

/** What a step says of itself. */
interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed, in words, for the end of the output: of a long log people often have the end alone. */
  readonly failures?: readonly string[];
}

interface Step {
  readonly name: string;
  run(): Promise<Outcome>;
}

/** The only folder that is written: reports and coverage. */
const OUTPUT = "coverage";
const SANITIZE = ["--sanitize-ops", "--sanitize-resources", "--no-prompt"];
/** Unit tests may read the repository and see an empty environment; nothing else. */
const UNIT = ["--allow-read=.", "--ignore-env"];
/** Integration tests and the lab start routers and browsers, make namespaces, open raw sockets, and look at /proc. */
const WORLD = ["--allow-all"];
const PACKAGES = [
  "iproute2",
  "openssl",
  "curl",
  "nftables",
  "nginx-light",
  "procps",
  "tcpdump",
  "bird2",
  "frr",
  "gobgpd",
  "libnl-3-200",
  "libnl-genl-3-200",
  "tmux",
  "zsh",
  "fish",
  "dnsmasq-base",
  "chromium",
  "debootstrap",
  "mandoc",
  "prometheus",
  "systemd",
] as const;
/** Folders of `tests` that hold no unit tests. */
const NOT_UNIT: readonly string[] = ["bench", "contract", "golden", "integration", "lab", "support"];
/**
 * Each of these rooms runs its tests in one worker, and one has all others together: what a file loads and the runtime
 * compiles then serves the next file, too. A file belongs to the first that it is in; what takes longest comes first.
 */
const UNIT_ROOMS = ["tests/config/", "tests/bgp/routes/", "tests/bgp/wire/", "tests/bgp/", "tests/"];

const staticSteps: readonly Step[] = [
  command("fmt", ["fmt", "--check"]),
  command("lint", ["lint"]),
  command("check", ["check", "main.ts", "src", "ffi", "tests", "packaging"]),
  { name: "doc", run: lintDocs },
];
// The step before has checked their types. As many workers at once as there are processors.
const unit: Step = {
  name: "unit",
  run() {
    const options = ["--no-check", "--parallel", `--coverage=${OUTPUT}`, "--coverage-raw-data-only"];
    return tests("unit", [...SANITIZE, ...UNIT, ...options, ...unitEntries()]).run();
  },
};
/** Rooms whose exports show by an example how they are used. What each example imports of its module it may leave unused. */
const EXAMPLES = ["src/bytes", "src/net", "src/text", "src/netlink", "src/bgp/wire"];
const examples = tests("examples", ["--doc", "--no-check", "--no-prompt", ...EXAMPLES]);
/** Runs of integration tests side by side: most of their time they wait. */
const LANES = 2;
/** Files in one run: what the runtime compiles serves them all, and the lanes still end at about the same time. */
const FILES_IN_RUN = 8;
const worldSteps: readonly Step[] = [
  sideBySide("integration", ["--no-check", ...SANITIZE, ...WORLD], "tests/integration"),
  tests("lab", ["--no-check", ...SANITIZE, ...WORLD, "tests/lab"]),
  command("compile", ["task", "compile"], 77),
];

/** A step that is one command. @param skipStatus the exit status that says it cannot be done here */
function command(name: string, args: readonly string[], skipStatus?: number): Step {
  return {
    name,
    async run() {
      const code = await deno(args);
      if (code === skipStatus) return { passed: 0, failed: 0, skipped: 1 };
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    },
  };
}

/**
 * `deno doc --lint`, as far as the house rule goes: every exported function, class, type and value has its sentence. Members
 * need none, nor do the capitals of a C header, and types that zod infers are no names of ours.
 */
async function lintDocs(): Promise<Outcome> {
  const args = ["doc", "--lint", "main.ts", ...sources("src"), ...sources("ffi")];
  const options = { args, stdin: "null", stdout: "null", stderr: "piped", env: { NO_COLOR: "1" } } as const;
  const { stderr } = await new Deno.Command(Deno.execPath(), options).output();
  const missing = new TextDecoder().decode(stderr).split(/\n(?=error\[)/)
    .filter((error) =>
      error.startsWith("error[missing-jsdoc]") && /^\s*\d+ \| export (?!const [A-Z\d_]+ =)/m.test(error)
    );
  for (const error of missing) console.log(error);
  return { passed: missing.length === 0 ? 1 : 0, failed: missing.length === 0 ? 0 : 1, skipped: 0 };
}

/** A step that is a run of `deno test`, counted by its JUnit report. */
function tests(name: string, args: readonly string[], start = deno): Step {
  return {
    name,
    async run() {
      const path = `${OUTPUT}/${name}.xml`;
      const code = await start(["test", `--junit-path=${path}`, ...args]);
      // Where nothing could be run there is none.
      const report = await Deno.readTextFile(path).catch(() => "");
      const cases = parseJunit(report);
      const failed = cases.filter(({ failure }) => failure !== undefined);
      const passed = cases.length - failed.length;
      const skipped = report.split("<skipped").length - 1;
      // A run that failed without a failed test (a leak at the end, no tests at all) is a failure all the same.
      if (failed.length === 0 && (code !== 0 || passed === 0)) {
        return { passed, failed: 1, skipped, failures: [`deno test ended with ${code}`] };
      }
      return { passed, failed: failed.length, skipped, failures: failed.map(describeFailure) };
    },
  };
}

/** The test files of a folder, a few in each run and `LANES` runs at once; what a run prints comes when it has ended. */
function sideBySide(name: string, args: readonly string[], folder: string): Step {
  return {
    name,
    async run() {
      const files = sources(folder).filter((path) => path.endsWith("_test.ts")).sort();
      const count = Math.ceil(files.length / FILES_IN_RUN);
      const left = Array.from({ length: count }, (_, index) => ({
        name: `${name}-${index + 1}`,
        // Neighbours by name are alike, and long ones would meet in one run.
        files: files.filter((_, at) => at % count === index),
      }));
      const outcomes: Outcome[] = [];
      const lane = async () => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          outcomes.push(await tests(next.name, [...args, ...next.files], quietly).run());
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      return together(outcomes);
    },
  };
}

function together(outcomes: readonly Outcome[]): Outcome {
  const sum = (key: "passed" | "failed" | "skipped") =>
    outcomes.reduce((total, outcome) => total + outcome[key], 0);
  return {
    passed: sum("passed"),
    failed: sum("failed"),
    skipped: sum("skipped"),
    failures: outcomes.flatMap(({ failures = [] }) => failures),
  };
}

/** Lines of a failure that the summary repeats. */
const FAILURE_LINES = 30;

function describeFailure({ name, file, failure = "" }: TestCase): string {
  const lines = stripVTControlCharacters(failure).split("\n").slice(0, FAILURE_LINES);
  return [`${name} (${file})`, ...lines.map((line) => `    ${line}`)].join("\n");
}

async function deno(args: readonly string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], stdin: "null" }).spawn();
  return (await child.status).code;
}

/** Like `deno`, its output in one piece at its end. */
async function quietly(args: readonly string[]): Promise<number> {
  const options = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(Deno.execPath(), { args: [...args], ...options });
  const { code, stdout, stderr } = await child.output();
  for (const output of [stdout, stderr]) await write(Deno.stdout, output);
  return code;
}

async function write(to: { write(octets: Uint8Array): Promise<number> }, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.byteLength;) at += await to.write(octets.subarray(at));
}

function sources(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? sources(`${folder}/${name}`) : /\.tsx?$/.test(name) ? [`${folder}/${name}`] : []
  );
}

/** Writes for each room a file that imports all of its tests. @returns their paths */
function unitEntries(): readonly string[] {
  const left = new Set(
    sources("tests").filter((path) =>
      path.endsWith("_test.ts") && !NOT_UNIT.includes(path.split("/")[1] ?? "")
    ),
  );
  return UNIT_ROOMS.map((room) => {
    const files = [...left].filter((path) => path.startsWith(room)).sort();
    for (const file of files) left.delete(file);
    const entry = `${OUTPUT}/unit_${room.split("/").filter((part) => part !== "").join("_")}.ts`;
    Deno.writeTextFileSync(entry, files.map((file) => `import "../${file}";\n`).join(""));
    return entry;
  });
}

/** Brings what integration tests and the lab need; without it they say themselves what is missing. */
async function install(): Promise<void> {
  const { advice } = await ensurePackages(PACKAGES, (text) => console.log(text));
  if (advice !== undefined) console.log(`not everything could be installed. ${advice}`);
}

async function main(everything: boolean): Promise<number> {
  if (everything) await install();
  await Deno.remove(OUTPUT, { recursive: true }).catch(() => undefined);
  await Deno.mkdir(OUTPUT);
  const steps = [...staticSteps, examples, unit, ...(everything ? worldSteps : [])];
  const outcomes: (Outcome & { readonly name: string })[] = [];
  for (const step of steps) {
    console.log(`\n== ${step.name}`);
    outcomes.push({ name: step.name, ...await step.run() });
    if (step === unit) await deno(["coverage", "--quiet", "--include=/src/", OUTPUT]);
  }
  console.log("\n== summary");
  for (const { name, passed, failed, skipped } of outcomes) {
    console.log(`${name.padEnd(12)} ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
  for (const { name, failures = [] } of outcomes) {
    for (const failure of failures) console.log(`\nFAILED in ${name}: ${failure}`);
  }
  const { passed, failed, skipped } = together(outcomes);
  if (skipped > 0) console.log(`${skipped} skipped: not tested on this machine`);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args[0] !== "unit"));
