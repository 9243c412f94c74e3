/**
 * How long it takes to program a real kernel: `deno task bench ipvs`. This part runs outside: it starts a kernel of its
 * own (the lab's place, see tests/lab/boot.ts) and prints what ipvs_inside.ts measures in there.
 */
import { runInside } from "../lab/boot.ts";
import { placeNames } from "../lab/place.ts";
import { prepare, sayOnStderr } from "../lab/setup.ts";
import { ensurePackages } from "../support/setup.ts";

/** keepalived and ipvsadm take most of the time. */
const LIMIT_MS = 600_000;

const { place, denoDir } = await prepare(sayOnStderr, Deno.env.get("BGP_LB_LAB_PLACE"));
const { advice } = await ensurePackages(["keepalived"], sayOnStderr);
if (advice !== undefined) console.log(`without keepalived: ${advice}`);
if (place === "loopback") {
  console.log("no real kernel to be had here: nothing is measured");
} else {
  console.log(`in ${placeNames[place]}`);
  const job = { args: ["bench"], denoDir, limitMs: LIMIT_MS };
  const { ended, console: words } = await runInside(place, job, (event) => {
    if (event.type === "say") console.log(event.text);
    if (event.type === "result" && event.outcome === "failed") {
      console.log(`${event.name} failed: ${event.message}`);
      Deno.exitCode = 1;
    }
  });
  if (!ended) {
    console.log(words.slice(-40).join("\n"));
    Deno.exitCode = 1;
  }
}
