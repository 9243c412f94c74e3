/** `deno task bench [NAME]… [--OPTION=…]`: every benchmark, or those with one of these names, one after the other. */
import { V8_FLAGS } from "../../packaging/runtime_flags.ts";

const PERMISSIONS = ["read", "write", "net", "run", "ffi", "env", "sys"].map((name) => `--allow-${name}`);
/** That of IPVS brings a kernel of its own, in user-mode Linux where this one has none. */
const BENCHMARKS = [
  "codec_bench.ts",
  "life_bench.ts",
  "agent_bench.ts",
  "reload_bench.ts",
  "reconciler_bench.ts",
  "whole_bench.ts",
  "health_bench.ts",
  "host_checks_bench.ts",
  "check_memory_bench.ts",
  "flood_bench.ts",
  "scale_bench.ts",
  "ipvs_bench.ts",
  "attack_bench.ts",
  "bfd_bench.ts",
  "bfd_agent_bench.ts",
  "bfd_loss_bench.ts",
];

/** These run as the agent is run, with the flags of V8 that it is shipped with. */
const AS_SHIPPED: readonly string[] = ["whole_bench.ts"];

/** These take so long that they are run by name alone. */
const LONG = ["memory_bench.ts"];

const options = Deno.args.filter((each) => each.startsWith("--"));
const names = Deno.args.filter((each) => !options.includes(each));
const isNamed = (name: string) => names.some((each) => name.startsWith(each));
const unknown = names.filter((each) => ![...BENCHMARKS, ...LONG].some((name) => name.startsWith(each)));
if (unknown.length > 0) {
  const known = [...BENCHMARKS, ...LONG].map((name) => name.replace("_bench.ts", ""));
  console.error(`there is no benchmark ${unknown.join(", ")}; there are ${known.join(", ")}`);
  Deno.exit(2);
}
const wanted = names.length === 0 ? BENCHMARKS : [...BENCHMARKS, ...LONG].filter(isNamed);

for (const name of wanted) {
  console.log(`\n== ${name}`);
  const flags = AS_SHIPPED.includes(name) ? [V8_FLAGS] : [];
  const args = ["run", "--no-prompt", ...flags, ...PERMISSIONS, `tests/bench/${name}`, ...options];
  const { code } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
  if (code !== 0) Deno.exit(code);
}
