// A scrape: what it goes without where the kernel does not tell, and what it sees stand still.
import assert from "node:assert/strict";
import { type Scraped, type ScrapeParts, Scrapes, toldTraffic } from "../../src/agent/scrape.ts";
import { fullMetrics, fullStatus, fullTraffic } from "../support/full_status.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** An answer, while time goes on: a long text has its next turn by the clock. */
async function textOf(scrapes: Scrapes, clock: VirtualClock): Promise<string> {
  let text = "";
  const answer = scrapes.answer().then(({ body }) => void (text = new TextDecoder().decode(body)));
  for (let turn = 0; text === "" && turn < 100; turn++) await clock.advance(100);
  await answer;
  return text;
}

function scrapesOf(
  clock: VirtualClock,
  { traffic = () => Promise.resolve([]), loops = () => [] }: Partial<Pick<Scraped, "loops"> & ScrapeParts>,
): Scrapes {
  const statusInSlices = () => Promise.resolve(fullStatus());
  return new Scrapes({ statusInSlices, loops }, { metrics: fullMetrics(), clock, traffic });
}

Deno.test("a scrape goes without the kernel's counters where it fails or hangs, and has all the rest", async () => {
  const clock = new VirtualClock();
  const rows = [
    [() => Promise.resolve(fullTraffic()), true],
    [() => Promise.reject(new Error("no buffer space")), false],
    [() => new Promise<never>(() => {}), false],
  ] as const;
  for (const [traffic, isTold] of rows) {
    const told = () => toldTraffic(traffic, clock);
    const text = await textOf(scrapesOf(clock, { traffic: told }), clock);
    assert.match(text, /^bgp_lb_service_enabled\{service="lb"\} 1$/m);
    assert.equal(/^bgp_lb_virtual_service_connections_total\{/m.test(text), isTold);
  }
});

Deno.test("a scrape tells of parts that have stood still since the one before, which was not a moment ago", async () => {
  const clock = new VirtualClock();
  await clock.advance(10_000);
  const loops = () => [{ name: "check web/http", dueMs: 1000 }, { name: "services", dueMs: Infinity }];
  const scrapes = scrapesOf(clock, { loops });
  const standing = async () => /^bgp_lb_standing_parts (\d+)$/m.exec(await textOf(scrapes, clock))?.[1];
  assert.equal(await standing(), "0");
  await clock.advance(15_000);
  assert.equal(await standing(), "1");
});
