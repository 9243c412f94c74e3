// The design as a test: imports go one way, ambient effects stay in their rooms, files say what they are.
import assert from "node:assert/strict";

/** The floors, from the top; a file imports from floors below its own, or from its own room. */
const FLOORS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["src/cli"],
  ["src/agent"],
  ["src/http", "src/control"],
  ["src/status", "src/service"],
  ["src/events", "src/bgp", "src/bfd", "src/kernel", "src/health", "src/icmp"],
  ["src/netlink", "src/config"],
  // What Deno gives: only main.ts joins it to the rest.
  ["src/os"],
  ["src/bytes", "src/net", "src/text", "src/time"],
];

/** The floors within a room, from the top, by the next part of the path; "." are the files of the room itself. */
const INNER_FLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "src/health": [["."], ["kinds"], ["connect"]],
};

/** Which rooms may import what is not ours: the longest prefix of the path counts. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["@logtape/logtape", "node:process"],
  "src/cli": ["@logtape/logtape"],
  "src/cli/program.ts": ["commander"],
  "src/cli/check.ts": ["yaml"],
  "src/agent": ["@logtape/logtape"],
  "src/http": ["hono", "prom-client"],
  "src/control": ["hono", "node:http", "node:path"],
  "src/config": ["yaml", "zod"],
  "src/bgp/transport/socket_connection.ts": ["node:net"],
  "src/os/node_stream.ts": ["node:stream"],
  "src/os/tls_client.ts": ["node:tls"],
};

/** Files that may touch the outside world: drivers, probes, adapters, the clock, the root. */
const AMBIENT_ROOMS: readonly RegExp[] = [
  /^main\.ts$/,
  /^ffi\//,
  /^src\/os\//,
  /^src\/time\/clock\.ts$/,
  /^src\/control\/socket\.ts$/,
  /^src\/bgp\/transport\/(transport_deno|transport_socket|socket_connection)\.ts$/,
];
const AMBIENT =
  /\b(Deno\.\w|(?<!\.)fetch\(|setTimeout\(|setInterval\(|queueMicrotask\(|AbortSignal\.timeout|new Date\(\)|Date\.now\(|Math\.random\(|console\.|performance\.|process\.|globalThis\b)/;

interface Source {
  readonly path: string;
  readonly text: string;
}

function sources(...roots: readonly string[]): readonly Source[] {
  const walk = (path: string): string[] =>
    [...Deno.readDirSync(path)].flatMap((entry) =>
      entry.isDirectory
        ? walk(`${path}/${entry.name}`)
        : entry.name.endsWith(".ts")
        ? [`${path}/${entry.name}`]
        : []
    );
  return [...roots.flatMap(walk), "main.ts"].map((path) => ({ path, text: Deno.readTextFileSync(path) }));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}

function importsOf({ path, text }: Source): readonly string[] {
  const base = new URL(path, "file:///");
  return [...withoutComments(text).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g)]
    .map((match) => new URL(match[1] ?? "", base).pathname.slice(1));
}

function room(path: string): string {
  return path.startsWith("src/") ? path.split("/").slice(0, 2).join("/") : path;
}

function floor(path: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room(path)));
}

const all = sources("src", "ffi");
/** Circles that are still to be cut. */
const CIRCLES_LEFT =
  /^src\/(agent\/(agent|snapshot)|bgp\/wire\/(attribute_scan|attributes|message|multiprotocol|update)|cli\/(ask|program))\.ts$/;

Deno.test("imports go down the floors, never up or sideways (DESIGN Layout)", () => {
  const src = all.filter(({ path }) => !path.startsWith("ffi/"));
  assert.ok(src.length > 30, `found ${src.length} files`);
  const wrong = src.flatMap((source) =>
    importsOf(source)
      .filter((target) => source.path !== "main.ts" || !target.startsWith("ffi/"))
      .filter((target) => room(target) !== room(source.path) && floor(target) <= floor(source.path))
      .map((target) => `${source.path} imports ${target}`)
  );
  assert.deepEqual(wrong, []);
  assert.deepEqual(
    src.filter(({ path }) => floor(path) < 0).map(({ path }) => path),
    [],
    "rooms without a floor",
  );
});

Deno.test("inside a room imports go down its own floors (DESIGN Layout)", () => {
  const inner = (path: string) => {
    const rest = path.slice(room(path).length + 1);
    return rest.includes("/") ? rest.split("/")[0] ?? "" : ".";
  };
  for (const [name, floors] of Object.entries(INNER_FLOORS)) {
    const files = all.filter(({ path }) => room(path) === name);
    assert.ok(files.length > 3, `found ${files.length} files in ${name}`);
    const innerFloor = (path: string) => floors.findIndex((rooms) => rooms.includes(inner(path)));
    const wrong = files.flatMap((source) =>
      importsOf(source)
        .filter((target) => room(target) === name && inner(target) !== inner(source.path))
        .filter((target) => innerFloor(target) <= innerFloor(source.path))
        .map((target) => `${source.path} imports ${target}`)
    );
    assert.deepEqual(wrong, []);
  }
});

Deno.test("no circle between files (DESIGN Layout)", () => {
  const graph = new Map(all.map((source) => [source.path, importsOf(source)]));
  const reach = (from: string) => {
    const seen = new Set<string>();
    const open = [...graph.get(from) ?? []];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(...graph.get(next) ?? []);
    }
    return seen;
  };
  assert.ok(reach("main.ts").size > 100, "main.ts reaches the rest");
  const onCircle = [...graph.keys()].filter((path) => reach(path).has(path) && !CIRCLES_LEFT.test(path));
  assert.deepEqual(onCircle, []);
});

Deno.test("libraries and node: stay in the rooms that are listed for them (DESIGN Layout)", () => {
  const found = all.flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(/(?:^import [^"]*?|^import|\bimport\()"([^."][^"]*)"/gm)]
      .map((match) => ({ path, name: match[1] ?? "" }))
  );
  assert.ok(found.length > 10, `found ${found.length} imports`);
  const allowed = ({ path, name }: { path: string; name: string }) =>
    Object.entries(FOREIGN).some(([prefix, names]) =>
      (path === prefix || path.startsWith(`${prefix}/`)) && names.includes(name)
    );
  assert.deepEqual(found.filter((entry) => !allowed(entry)), []);
});

Deno.test("ffi/ and src/ know each other only through the composition root (DESIGN seam 5)", () => {
  const ffi = all.filter(({ path }) => path.startsWith("ffi/"));
  assert.ok(ffi.length > 3, `found ${ffi.length} files`);
  const wrong = ffi.flatMap((source) =>
    importsOf(source).filter((target) => !target.startsWith("ffi/")).map((target) =>
      `${source.path} imports ${target}`
    )
  );
  assert.deepEqual(wrong, []);
});

Deno.test("ambient effects stay in drivers, probes, ffi/, the clock and the root (DESIGN Layout)", () => {
  const pure = all.filter(({ path }) => !AMBIENT_ROOMS.some((allowed) => allowed.test(path)));
  assert.ok(pure.length > 30, `found ${pure.length} files`);
  const wrong = pure.flatMap(({ path, text }) =>
    withoutComments(text).split("\n").filter((line) => AMBIENT.test(line)).map((line) =>
      `${path}: ${line.trim()}`
    )
  );
  assert.deepEqual(wrong, []);
});

Deno.test("every file opens with what it is (STYLE In a file)", () => {
  assert.ok(all.length > 30, `found ${all.length} files`);
  assert.deepEqual(
    all.filter(({ text }) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(text)).map(({ path }) => path),
    [],
  );
});

Deno.test("no casts, silenced checks or default exports (STYLE In a file)", () => {
  const strict = all.filter(({ path }) => !/^(ffi|src\/bytes)\//.test(path));
  assert.ok(strict.length > 30, `found ${strict.length} files`);
  const forbidden = /\bas (?!const\b|of\b)[A-Za-z{(\[]|[:<|,] *any\b|@ts-|deno-lint-ignore|export default/;
  const wrong = strict.flatMap(({ path, text }) =>
    withoutComments(text).replaceAll(/"(\\.|[^"\\])*"|`(\\.|[^`\\])*`/g, '""').split("\n")
      .filter((line) => forbidden.test(line) && !/^\s*(import|export)\b.*\bas\b/.test(line))
      .map((line) => `${path}: ${line.trim()}`)
  );
  assert.deepEqual(wrong, []);
});
