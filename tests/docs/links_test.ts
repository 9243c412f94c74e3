// The documents: every relative link and anchor leads somewhere, every file that is named is there.
import assert from "node:assert/strict";
import { documents, spans } from "./documents.ts";

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The path that a link of `from` leads to. */
function resolve(from: string, target: string): string {
  return target === "" ? from : new URL(target, `file:///${from}`).pathname.slice(1);
}

Deno.test("every relative link and anchor of the documents leads somewhere", () => {
  const all = documents();
  let count = 0;
  const dead = [...all].flatMap(([from, { links }]) =>
    links.filter(({ target }) => !/^[a-z]+:/.test(target)).flatMap(({ target, line }) => {
      count++;
      const [file = "", anchor] = target.split("#");
      const path = resolve(from, file);
      if (!exists(path)) return [`${from}:${line}: ${target}: no such file`];
      const anchors = all.get(path)?.anchors;
      return anchor === undefined || anchors === undefined || anchors.has(anchor)
        ? []
        : [`${from}:${line}: ${target}: no such heading`];
    })
  );
  assert.deepEqual(dead, []);
  assert.ok(count > 100, `${count} links`);
});

Deno.test("every document of docs/ is linked to from README", () => {
  const all = documents();
  const linked = new Set(all.get("README.md")?.links.map(({ target }) => target.split("#")[0]));
  assert.deepEqual([...all.keys()].filter((path) => path.startsWith("docs/") && !linked.has(path)), []);
});

Deno.test("every file of the repository that the documents name is there", () => {
  const named = spans().filter(({ text }) => /^(src|ffi|tests|packaging)\/[\w./-]*$/.test(text));
  assert.ok(named.length > 60, `${named.length} files`);
  const missing = named.filter(({ text }) => !exists(text) && !text.startsWith("packaging/prometheus/"));
  assert.deepEqual(missing, []);
});

Deno.test("README stays short", () => {
  assert.ok(Deno.readTextFileSync("README.md").split("\n").length <= 150);
});
