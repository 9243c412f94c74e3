/** `deno task bench`: every benchmark, one after the other, each printing its own figures. */
const PERMISSIONS = ["read", "write", "net", "run", "ffi", "env", "sys"].map((name) => `--allow-${name}`);
/** The IPVS benchmark runs within the lab (`deno task lab` prints it): it needs a kernel of its own. */
const BENCHMARKS = [
  "codec_bench.ts",
  "life_bench.ts",
  "agent_bench.ts",
  "health_bench.ts",
  "flood_bench.ts",
  "scale_bench.ts",
  "attack_bench.ts",
];

for (const name of BENCHMARKS) {
  console.log(`\n== ${name}`);
  const args = ["run", "--no-prompt", ...PERMISSIONS, `tests/bench/${name}`];
  const { code } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
  if (code !== 0) Deno.exit(code);
}
