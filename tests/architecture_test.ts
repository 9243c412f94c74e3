// The design as a test: imports go one way, ambient effects stay in their rooms, files say what they are.
import assert from "node:assert/strict";

/** The floors, from the top; a file imports from floors below its own, or from its own room. */
const FLOORS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["src/cli"],
  ["src/agent"],
  ["src/service", "src/http", "src/control"],
  ["src/status"],
  ["src/bgp", "src/bfd", "src/kernel", "src/health"],
  ["src/netlink", "src/config"],
  ["src/bytes", "src/net", "src/time"],
];

/** Files that may touch the outside world: drivers, probes, adapters, the clock, the root. */
const AMBIENT_ROOMS: readonly RegExp[] = [
  /^main\.ts$/,
  /^ffi\//,
  /^src\/time\/clock\.ts$/,
  /^src\/health\/(http|ping)\.ts$/,
  /^src\/control\/socket\.ts$/,
  /^src\/bgp\/(transport_deno|transport_socket|socket_connection)\.ts$/,
];
const AMBIENT =
  /\b(Deno\.\w|(?<!\.)fetch\(|setTimeout\(|setInterval\(|queueMicrotask\(|new Date\(\)|Date\.now\(|Math\.random\(|console\.|performance\.|process\.|globalThis\b)/;

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
  if (path.startsWith("src/agent")) return "src/agent";
  return path.startsWith("src/") ? path.split("/").slice(0, 2).join("/") : path;
}

function floor(path: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room(path)));
}

const all = sources("src", "ffi");

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
