// The status page and what others wrote in it: it stays text, and the policy lets a browser run nothing else.
import assert from "node:assert/strict";
import fc from "fast-check";
import { eventLine } from "../../src/status/event_line.ts";
import { escapeUnprintable, UNPRINTABLE } from "../../src/text/escapes.ts";
import { readMarkup } from "../support/markup.ts";
import { destination, down, first, PageOfDocuments } from "../support/page_documents.ts";
import { degradedStatus, peerStatus, status } from "../support/status.ts";

Deno.test("the policy allows the page's own style and script and nothing else, and the page needs nothing else", async () => {
  const response = await new PageOfDocuments(degradedStatus()).answer();
  const html = await response.text();
  const { raw, tags } = readMarkup(html);
  const policy = response.headers.get("content-security-policy") ?? "";
  for (const [name, text] of Object.entries(raw)) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    assert.ok(text.length > 1000);
    assert.ok(policy.includes(`${name}-src 'sha256-${btoa(String.fromCharCode(...digest))}';`), name);
  }
  assert.match(policy, /^default-src 'none'; /);
  for (
    const part of [
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]
  ) {
    assert.ok(policy.split("; ").includes(part), part);
  }
  assert.doesNotMatch(policy, /unsafe|\*/);
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(tags.filter(({ name }) => name === "script" || name === "style").length, 2);
  for (const { name, attributes } of tags) {
    for (const [key, value] of attributes) {
      assert.ok(
        key !== "style" && !key.startsWith("on") && key !== "src" && key !== "action",
        `${key} of ${name}`,
      );
      if (key === "href") assert.match(value, /^#|^data:image\/svg\+xml,/);
    }
  }
});

Deno.test("whatever others wrote stays text, and nothing of it is invisible or turns the writing round", async () => {
  const foreign = fc.oneof(
    fc.constantFrom(
      "<script>alert(1)</script>",
      `"><img src=x onerror=alert(1)>`,
      "</style><script>",
      "a & b &lt; &#39; '\"`",
      "\u202egnp.exe\u2066\u200b\u0000\u001b[31m\u2028",
      "</script><!-- -->",
    ),
    fc.string({ unit: "binary", maxLength: 60 }),
  ).filter((text) => text.trim() !== "" && text.isWellFormed());
  await fc.assert(
    fc.asyncProperty(foreign, foreign, foreign, foreign, async (name, cause, words, host) => {
      const base = status(["r1"], "unhealthy");
      const service = first(base.services);
      const scene = new PageOfDocuments({
        ...base,
        peers: [down({ ...peerStatus, name }, words)],
        services: [{
          ...service,
          name: `s${name}`,
          cause,
          checks: service.checks.map((check) => ({
            ...check,
            cause,
            expects: words,
            recent: [{ ...first(check.recent), detail: cause }],
          })),
          routes: service.routes.map((route) => ({
            ...route,
            gates: route.gates.map((gate) => ({ ...gate, reason: cause })),
          })),
          virtualServices: [{
            protocol: "tcp",
            address: "10.99.0.1",
            port: 80,
            fwmark: 0,
            family: 4,
            scheduler: words,
            quorum: undefined,
            destinations: [{ ...destination("10.0.0.1"), live: false, cause }],
          }],
        }],
        kernel: { ...base.kernel, errors: [words] },
      }, { hostname: () => host });
      const record = {
        id: 7,
        at: "2026-01-01T00:00:00.000Z",
        kind: "verdict",
        service: name,
        cause: words,
      } as const;
      scene.entries = [{ id: 7, kind: "verdict", record, text: JSON.stringify(record) }];
      const html = await scene.html();
      const { text, tags, raw } = readMarkup(html);
      assert.equal(raw.script.match(/<\//), null);
      const whole = html.replace(raw.style, "").replace(raw.script, "");
      assert.equal(whole.trimEnd().match(UNPRINTABLE), null);
      for (const each of [cause, words, host]) assert.ok(text.includes(escapeUnprintable(each)), each);
      assert.ok(tags.every((tag) => KNOWN.has(tag.name)), tags.map((tag) => tag.name).join());
      assert.ok(
        tags.some(({ attributes }) => attributes.get("id") === escapeUnprintable(`service-s${name}`)),
      );
      assert.ok(text.includes(escapeUnprintable(eventLine(JSON.stringify(record))?.text ?? "?")));
    }),
    { numRuns: 60, seed: 11 },
  );
});

const KNOWN = new Set(
  ("html head body meta title link style script a svg symbol circle path rect use text tspan g desc header main section " +
    "div p h1 h2 h3 h4 span i b ol ul li dl dt dd details summary table caption thead tbody tr th td time label input code pre br")
    .split(" "),
);
