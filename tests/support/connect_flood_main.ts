/** `connect_flood_main.ts HOST COUNT`: connects to port 179 that often, closes nothing while it can, and prints how many were made. */
const [hostname = "", count = "0"] = Deno.args;
const ABREAST = 50;
/** So many stay open: a process may not have any number of descriptors. */
const KEPT = 15_000;
const kept: Deno.Conn[] = [];
for (let made = 0; made < Number(count); made += ABREAST) {
  kept.push(
    ...await Promise.all(Array.from({ length: ABREAST }, () => Deno.connect({ hostname, port: 179 }))),
  );
  for (const old of kept.splice(0, Math.max(0, kept.length - KEPT))) old.close();
  console.log(made + ABREAST);
}
// They stay open until somebody ends this process.
await new Promise((resolve) => setTimeout(resolve, 600_000));
