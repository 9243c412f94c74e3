// The status page as it is made: what it says, its editions, and its bounds.
import assert from "node:assert/strict";
import type { ServiceStatus } from "../../src/status/status.ts";
import { address } from "../support/bgp.ts";
import { readMarkup } from "../support/markup.ts";
import { down, htmlOf, large, PageOfDocuments, small, up } from "../support/page_documents.ts";
import { sleep } from "../../src/time/clock.ts";
import { degradedStatus, peerStatus, status } from "../support/status.ts";

Deno.test("the page says that all is well where it is, and is a whole document with its style and script in it", async () => {
  const { text, tags } = readMarkup(await htmlOf(small()));
  assert.match(text, /lb-1: All is well/);
  assert.match(text, /1 of 1 address announced; 1 of 1 session Established/);
  for (
    const id of [
      "top",
      "main",
      "verdict",
      "picture",
      "peers",
      "services",
      "events",
      "agent",
      "service-web",
      "peer-r1",
    ]
  ) {
    assert.equal(tags.filter(({ attributes }) => attributes.get("id") === id).length, 1, id);
  }
  const headings = tags.filter(({ name }) => /^h\d$/.test(name)).map(({ name }) => name);
  assert.deepEqual([headings.filter((name) => name === "h1").length, headings[0]], [1, "h1"]);
});

Deno.test("the page names what is wrong, why, since when and the cure, in the words of explain and peers", async () => {
  const sick = { ...status([], "unhealthy"), peers: [down(peerStatus)] };
  const { text } = readMarkup(await htmlOf(sick));
  assert.match(text, /lb-1: 2 things are wrong/);
  assert.match(
    text,
    /r1: session is not Established.*why.*peer sent Cease\/Administrative Shutdown: maintenance/,
  );
  assert.match(
    text,
    /web: not announced.*why.*healthy: no; http-1: status 200.*since.*00:00:00 UTC.*cure.*check http-1 must pass 2 times in a row/,
  );
});

Deno.test("the page says of a refused reload how the file is mended", async () => {
  const refused = small();
  const lastReload = {
    at: refused.startedAt,
    successful: false,
    cause: "/etc/x.yaml:4:7: bgp.as: is required",
  };
  const { text } = readMarkup(await htmlOf({ ...refused, config: { ...refused.config, lastReload } }));
  assert.match(text, /configuration.*why.*x\.yaml:4:7.*cure.*bgp-lb check FILE.*then bgp-lb reload/);
});

Deno.test("what an operator ordered, and what is announced as something worse, is a note and nothing wrong", async () => {
  const degraded = readMarkup(await htmlOf({ ...degradedStatus(), peers: [up(peerStatus)] })).text;
  assert.match(degraded, /Nothing is wrong, 1 thing is not as usual/);
  assert.match(degraded, /web: announced as degraded/);
  const drained = small();
  const drain = { reason: "rack 7", since: "2026-01-01T00:00:00.000Z", until: undefined, lost: undefined };
  const gate = {
    name: "not drained",
    open: false,
    degraded: false,
    reason: "drained: rack 7",
    since: drain.since,
  };
  const services = drained.services.map((service) => ({
    ...service,
    drain,
    phase: { ...service.phase, name: "down" as const, reason: "rack 7" },
    routes: service.routes.map((route) => ({ ...route, announce: false, gates: [gate], peers: [] })),
  }));
  const { text } = readMarkup(await htmlOf({ ...drained, services }));
  assert.match(text, /Nothing is wrong, 1 thing is not as usual/);
  assert.match(text, /not drained: no; drained: rack 7.*bgp-lb undrain web/);
});

Deno.test("the page works while the agent starts and stops, and without services, peers or IPVS", async () => {
  for (const state of ["starting", "stopping", "stopped"] as const) {
    assert.match(readMarkup(await htmlOf({ ...small(), state })).text, new RegExp(`The agent is ${state}`));
  }
  assert.match(readMarkup(await htmlOf({ ...small(), services: [] })).text, /No service is configured/);
  assert.match(
    readMarkup(await htmlOf({ ...small(), services: [], peers: [] })).text,
    /No service is configured/,
  );
  assert.match(
    readMarkup(await htmlOf({ ...small(), peers: [] })).text,
    /nothing is announced.*no peer is configured/,
  );
});

Deno.test("what many services have in common is said once, and the rest is bounded", async () => {
  const shut = (service: ServiceStatus): ServiceStatus => ({
    ...service,
    routes: service.routes.map((route) => ({
      ...route,
      announce: false,
      peers: [],
      gates: [{
        name: "address present",
        open: false,
        degraded: false,
        reason: "it is gone",
        since: "2026-01-01T00:00:00.000Z",
      }],
    })),
  });
  const { text } = readMarkup(await htmlOf(large(200, 2, shut)));
  assert.match(text, /1 thing is wrong/);
  assert.match(
    text,
    /service-0, service-1, service-2, service-3, service-4, service-5 and 194 more: not announced/,
  );
  const many = {
    ...small(),
    peers: Array.from({ length: 100 }, (_, at) => down({ ...peerStatus, name: `r${at}` }, `reason ${at}`)),
  };
  const bounded = readMarkup(await htmlOf(many)).text;
  assert.match(bounded, /100 things are wrong/);
  assert.match(bounded, /and 88 more, each with its mark below/);
  assert.match(bounded, /95 more 95 not well/);
});

Deno.test("who has an edition gets what has changed since, and a place for all else", async () => {
  const scene = new PageOfDocuments(large(50));
  // In the first minute all ages change.
  await scene.clock.advance(86_400_000);
  const whole = await scene.html();
  const edition = /data-edition="([^"]+)"/.exec(whole)?.[1] ?? "";
  assert.equal(edition, "r.1");
  const services = scene.now.services.map((service, at) =>
    at === 7
      ? {
        ...service,
        drain: { reason: "why", since: service.phase.since, until: undefined, lost: "no disk" },
      }
      : service
  );
  scene.now = { ...scene.now, services };
  const next = await scene.html(`/?since=${edition}`);
  assert.ok(next.length * 5 < whole.length, `${next.length} of ${whole.length}`);
  assert.ok(!next.includes("<style>") && !next.includes("<script>"));
  const same = [...next.matchAll(/<i id="([^"]+)" data-same>/g)].map((match) => match[1]);
  assert.equal(same.filter((id) => id?.startsWith("service-")).length, 49);
  assert.ok(next.includes('<details id="service-service-7"'));
  assert.match(next, /data-edition="r\.2"/);
  // All IDs are there once, in the order of the page: what was wrong comes first.
  const { tags } = readMarkup(next);
  const ids = tags.map(({ attributes }) => attributes.get("id") ?? "").filter((id) =>
    id.startsWith("service-")
  );
  assert.deepEqual([ids[0], ids.length, new Set(ids).size], ["service-service-7", 50, 50]);
  for (const strange of ["other.1", "r.9", "r.x", "r.", "", "r.-1", "r.99999999999"]) {
    assert.ok((await scene.html(`/?since=${strange}`)).includes("<style>"), strange);
  }
  // A run of its own counts from the beginning.
  scene.run = "q";
  assert.ok((await scene.html(`/?since=${edition}`)).includes("<style>"));
});

Deno.test("the page is answered also where it takes longer to make than it is shared", async () => {
  let slow = false;
  const scene: PageOfDocuments = new PageOfDocuments(small(), {
    status: async () => {
      if (slow) await sleep(scene.clock, 1_500);
      return small();
    },
  });
  await scene.html();
  slow = true;
  const answered: string[] = [];
  for (const name of ["first", "second"]) {
    scene.answer().then(() => answered.push(name));
    await scene.clock.advance(100);
  }
  await scene.clock.advance(3_200);
  assert.deepEqual(answered, ["first", "second"]);
});

Deno.test("the page is made once a second for all, and anew for who comes after an event", async () => {
  const scene = new PageOfDocuments(small());
  let answers = 0;
  const many = Array.from({ length: 10 }, () => scene.answer().then(() => answers++));
  await many[0];
  assert.deepEqual([answers, scene.asked], [1, 1], "each has a turn of its own");
  await scene.clock.advance(0);
  await Promise.all(many);
  assert.deepEqual([answers, scene.asked], [10, 1]);
  await scene.clock.advance(900);
  await scene.answer();
  assert.equal(scene.asked, 1);
  // Whoever was told of an event sees it, but not before the second is over.
  scene.newest = 5;
  let answered = false;
  const late = scene.answer().then(() => answered = true);
  await scene.clock.advance(90);
  assert.deepEqual([answered, scene.asked], [false, 1]);
  await scene.clock.advance(20);
  await late;
  assert.equal(scene.asked, 2);
  await scene.clock.advance(1_000);
  const both = [scene.answer(), scene.answer()];
  await both[0];
  await scene.clock.advance(0);
  await Promise.all(both);
  assert.equal(scene.asked, 3);
});

Deno.test("a page that could not be made is made for the next who asks", async () => {
  let fails = true;
  const scene = new PageOfDocuments(small(), {
    status: () => {
      if (fails) throw new Error("a fault of ours");
      return small();
    },
  });
  await assert.rejects(scene.answer(), /a fault of ours/);
  fails = false;
  assert.equal((await scene.answer()).status, 200);
});

Deno.test("200 services are less than three quarters of a megabyte, and the picture is as large for 200 routers as for some", async () => {
  const html = await htmlOf(large(200));
  assert.ok(html.length < 750_000, `${html.length} octets`);
  const few = await htmlOf(large(1, 6));
  const many = await htmlOf(large(1, 200));
  const picture = (text: string) =>
    text.slice(text.indexOf('<section id="picture"'), text.indexOf('<section id="peers"'));
  assert.match(picture(many), /195 more/);
  assert.ok(picture(many).length < 1.1 * picture(few).length);
  const { text } = readMarkup(many);
  assert.match(text, /sent to tor-1, tor-2, tor-3, tor-4, tor-5, tor-6, tor-7, tor-8 and 192 more/);
});

Deno.test("a session that is down is so since it was up last, and one that never was since the start", async () => {
  const now = { ...small(), peers: [down(peerStatus), down({ ...peerStatus, name: "r2" })] };
  const scene = new PageOfDocuments(now);
  const record = {
    id: 1,
    at: "2026-01-01T00:01:02.000Z",
    kind: "peer-state",
    peer: "r1",
    from: "Established",
    to: "Idle",
    cause: "gone",
  } as const;
  scene.entries = [{ id: 1, kind: "peer-state", record, text: JSON.stringify(record) }];
  const { text } = readMarkup(await scene.html());
  assert.match(text, /r1: session is not Established.{0,200}since00:01:02 UTC/);
  assert.match(text, /r2: session is not Established.{0,200}since00:00:00 UTC/);
});

Deno.test("rates are read while somebody looks, every few seconds at most, and shown with a plot each", async () => {
  let reads = 0;
  const service = {
    protocol: "tcp",
    address: address("10.99.0.0"),
    port: 80,
    fwmark: 0,
  } as const;
  const scene = new PageOfDocuments(large(2), {
    traffic: () => {
      reads++;
      return Promise.resolve([{
        service,
        rates: { connections: 12 * reads, packetsIn: 1500, packetsOut: 700, octetsIn: 2e6, octetsOut: 5e5 },
        totals: { connections: 0, packetsIn: 0, packetsOut: 0, octetsIn: 0, octetsOut: 0 },
      }]);
    },
  });
  for (let at = 0; at < 4; at++) await scene.html();
  assert.equal(reads, 2);
  const html = await scene.html();
  const { text, tags } = readMarkup(html);
  assert.match(text, /Traffic through IPVS/);
  assert.match(text, /new connections of service-0: at most 36\/s/);
  assert.match(text, /1\.50 k\/s/);
  assert.match(text, /16 Mb\/s/);
  assert.match(text, /1 service without traffic/);
  const plots = tags.filter(({ name, attributes }) =>
    name === "svg" && attributes.get("role") === "img" && attributes.has("aria-label")
  );
  assert.equal(plots.length, 8);
});

Deno.test("rates that cannot be read keep nothing from being shown", async () => {
  const scene = new PageOfDocuments(small(), { traffic: () => Promise.reject(new Error("EPERM")) });
  assert.match(await scene.html(), /All is well/);
});
