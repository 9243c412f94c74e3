// The design as a test: imports go one way, ambient effects stay in their rooms, files say what they are.
import assert from "node:assert/strict";

/** The floors, from the top; a file imports from floors below its own, or from its own room. */
const FLOORS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["src/main"],
  ["src/cli"],
  ["src/agent"],
  ["src/http", "src/control", "src/doctor"],
  ["src/status", "src/service"],
  ["src/migrate"],
  ["src/events", "src/bgp", "src/bfd", "src/kernel", "src/health", "src/icmp"],
  ["src/netlink", "src/config"],
  // What Deno gives.
  ["src/os"],
  ["src/bytes", "src/net", "src/text", "src/time"],
];

/** The floors within a room, from the top, by the next part of the path; "." are the files of the room itself. */
const INNER_FLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "src/health": [["."], ["kinds"], ["connect"]],
  // A service's schema holds those of its checks; both are made of single values.
  "src/config": [["."], ["schema"], ["checks"], ["values"]],
  "src/bgp": [["."], ["session", "routes", "transport"], ["wire"]],
};

/** Which rooms may import what is not ours: the longest prefix of the path counts. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  "src/cli": ["@logtape/logtape"],
  "src/http": ["hono", "hono/jsx/jsx-runtime", "prom-client", "prom-client/lib/registry.js"],
  "src/control": ["hono"],
  "src/config": ["yaml", "zod"],
  "src/migrate": ["yaml"],
  "src/os/debugger.ts": ["node:inspector"],
  "src/os/dns_packet.ts": ["dns-packet", "node:buffer"],
  "src/os/node_stream.ts": ["node:stream"],
  "src/os/tls_client.ts": ["node:tls"],
  "src/text/regex.ts": ["re2js"],
  "src/text/nearest.ts": ["fastest-levenshtein"],
  "src/text/columns.ts": ["get-east-asian-width"],
};

/** Files that may touch the outside world: drivers, probes, adapters, the clock, the root. */
const AMBIENT_ROOMS: readonly RegExp[] = [
  /^main\.ts$/,
  /^ffi\//,
  /^src\/(os|main)\//,
  /^src\/time\/clock\.ts$/,
];
const AMBIENT =
  /\b(Deno\.\w|(?<!\.)fetch\(|setTimeout\(|setInterval\(|queueMicrotask\(|AbortSignal\.timeout|new Date\(\)|Date\.now\(|Math\.random\(|console\.|performance\.|process\.(?!ts")|globalThis\b)/;

interface Source {
  readonly path: string;
  readonly text: string;
}

/** A rule: what is wrong with files in its eyes, and files that show that it sees it. */
interface Rule {
  readonly name: string;
  /** A line for each violation. */
  violations(files: readonly Source[]): readonly string[];
  /** Each of these alone breaks it. */
  readonly broken: readonly (readonly Source[])[];
  /** These together do not. */
  readonly sound: readonly Source[];
}

const RULES: readonly Rule[] = [
  {
    name: "imports go down the floors, never up or sideways (DESIGN Layout)",
    violations: (files) =>
      files.filter(isSrc).flatMap((source) => [
        ...floor(source.path) < 0 ? [`${source.path} is in a room without a floor`] : [],
        ...importsOf(source)
          .filter((target) => isSrc({ path: target }) && room(target) !== room(source.path))
          .filter((target) => floor(target) <= floor(source.path))
          .map((target) => `${source.path} imports ${target}`),
      ]),
    broken: [
      [file("src/net/a.ts", 'import { b } from "../config/b.ts";')],
      [file("src/kernel/a.ts", 'import type { b } from "../bgp/wire/b.ts";')],
      [file("src/agent/a.ts", 'const b = await import("../cli/b.ts");')],
      [file("src/cellar/a.ts", "")],
    ],
    sound: [
      file("src/agent/a.ts", 'import { b } from "../bgp/speaker.ts";\nimport { c } from "../net/c.ts";'),
      file("main.ts", 'import { b } from "./src/cli/b.ts";'),
    ],
  },
  {
    name: "inside a room imports go down its own floors (DESIGN Layout)",
    violations: (files) =>
      files.flatMap((source) => {
        const floors = INNER_FLOORS[room(source.path)];
        if (floors === undefined) return [];
        const innerFloor = (path: string) => floors.findIndex((rooms) => rooms.includes(inner(path)));
        return importsOf(source)
          .filter((target) => room(target) === room(source.path) && inner(target) !== inner(source.path))
          .filter((target) => innerFloor(target) <= innerFloor(source.path))
          .map((target) => `${source.path} imports ${target}`);
      }),
    broken: [
      [file("src/bgp/wire/a.ts", 'import { b } from "../session/b.ts";')],
      [file("src/bgp/routes/a.ts", 'import { b } from "../session/b.ts";')],
      [file("src/bgp/session/a.ts", 'import { b } from "../driver.ts";')],
      [file("src/config/values/a.ts", 'import { b } from "../issue.ts";')],
    ],
    sound: [
      file("src/bgp/driver.ts", 'import { b } from "./session/b.ts";'),
      file("src/bgp/session/a.ts", 'import { b } from "./b.ts";\nimport { c } from "../wire/c.ts";'),
    ],
  },
  {
    name: "no circle between files, not even of types (DESIGN Layout)",
    violations(files) {
      const graph = new Map(files.map((source) => [source.path, importsOf(source)]));
      return [...graph.keys()].filter((path) => reach(graph, path).has(path));
    },
    broken: [
      [
        file("src/net/a.ts", 'import type { b } from "./b.ts";'),
        file("src/net/b.ts", 'import { a } from "./a.ts";'),
      ],
      [
        file("src/net/a.ts", 'import { b } from "./b.ts";'),
        file("src/net/b.ts", 'export { c } from "./c.ts";'),
        file("src/net/c.ts", 'import {\n  a,\n} from "./a.ts";'),
      ],
    ],
    sound: [
      file("src/net/a.ts", 'import { b } from "./b.ts";\nimport { c } from "./c.ts";'),
      file("src/net/b.ts", 'import { c } from "./c.ts";'),
      file("src/net/c.ts", '// import { a } from "./a.ts";'),
    ],
  },
  {
    name: "libraries and node: stay in the rooms that are listed for them (DESIGN Layout)",
    violations: (files) =>
      files.flatMap(({ path, text }) =>
        [
          ...withoutComments(text).matchAll(
            /(?:^import [^"]*?|^import|\bimport\(|^export [^"]* from )"([^."][^"]*)"/gm,
          ),
        ]
          .map((match) => match[1] ?? "")
          .filter((name) => !isListed(path, name))
          .map((name) => `${path} imports ${name}`)
      ),
    broken: [
      [file("src/net/a.ts", 'import { readFile } from "node:fs";')],
      [file("src/bgp/a.ts", 'import * as z from "zod";')],
      [file("src/service/a.ts", 'const { Hono } = await import("hono");')],
      [file("src/kernel/a.ts", 'import {\n  parse,\n} from "yaml";')],
      [file("ffi/a.ts", 'import "node:process";')],
    ],
    sound: [file("src/config/a.ts", 'import * as z from "zod";\nimport { b } from "./b.ts";')],
  },
  {
    name: "ffi/ and src/os/ are joined to the rest by the root alone (DESIGN seam 5)",
    violations: (files) =>
      files.flatMap((source) => {
        const { path } = source;
        if (path.startsWith("ffi/")) {
          return importsOf(source).filter((target) => !target.startsWith("ffi/"))
            .map((target) => `${path} imports ${target}`);
        }
        if (path === "main.ts" || path.startsWith("src/main/")) return [];
        return importsOf(source)
          .filter((target) =>
            target.startsWith("ffi/") || (room(target) === "src/os" && room(path) !== "src/os")
          )
          .map((target) => `${path} imports ${target}`);
      }),
    broken: [
      [file("ffi/a.ts", 'import { b } from "../src/net/b.ts";')],
      [file("src/kernel/a.ts", 'import { b } from "../../ffi/b.ts";')],
      [file("src/control/a.ts", 'import { b } from "../os/b.ts";')],
    ],
    sound: [
      file("src/main/a.ts", 'import { b } from "../../ffi/b.ts";\nimport { c } from "../os/c.ts";'),
      file("ffi/a.ts", 'import { b } from "./b.ts";'),
    ],
  },
  {
    name: "ambient effects stay in drivers, probes, ffi/, the clock and the root (DESIGN Layout)",
    violations: (files) =>
      files.filter(({ path }) => !AMBIENT_ROOMS.some((allowed) => allowed.test(path)))
        .flatMap(({ path, text }) =>
          withoutComments(text).split("\n").filter((line) => AMBIENT.test(line)).map((line) =>
            `${path}: ${line.trim()}`
          )
        ),
    broken: [
      "const now = Date.now();",
      "const now = new Date();",
      "await fetch(url);",
      "setTimeout(tick, 5);",
      "const signal = AbortSignal.timeout(5);",
      "const dice = Math.random();",
      "console.log(1);",
      "const file = Deno.openSync(path);",
      "const now = performance.now();",
    ].map((text) => [file("src/service/a.ts", text)]),
    sound: [
      file("src/time/clock.ts", "const now = performance.now();"),
      file("src/service/a.ts", "const at = new Date(ms); // not Date.now()\nawait app.fetch(request);"),
    ],
  },
  {
    name: "every file opens with what it is (STYLE In a file)",
    violations: (files) =>
      files.filter(({ text }) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(text)).map(({ path }) => path),
    broken: [[{ path: "src/net/a.ts", text: "export const a = 1;" }]],
    sound: [{ path: "src/net/a.ts", text: "/** What it is. */" }],
  },
  {
    name:
      "what a `using` holds is read more than once or never: `deno bundle --minify` drops one that is read once",
    violations: (files) =>
      files.flatMap(({ path, text }) => usedOnce(text).map((name) => `${path}: ${name}`)),
    broken: [
      "{\n  using slot = take();\n  return slot === undefined ? 1 : 2;\n}",
      "{\n  await using file = await open(path);\n  return { all: await read(file) };\n}\nread(file);",
    ].map((text) => [file("src/net/a.ts", text)]),
    sound: [
      file("src/net/a.ts", "{\n  const slot = take();\n  using _slot = slot;\n  return slot;\n}"),
      file("src/net/b.ts", "{\n  using slot = take();\n  slot.a();\n  slot.b();\n}"),
    ],
  },
  {
    name: "no casts, silenced checks or default exports (STYLE In a file)",
    violations: (files) =>
      files.filter(({ path }) => !/^(ffi|src\/bytes)\//.test(path)).flatMap(({ path, text }) =>
        withoutComments(text).replaceAll(/"(\\.|[^"\\])*"|`(\\.|[^`\\])*`/g, '""').split("\n")
          .filter((line) => FORBIDDEN.test(line) && !/^\s*(import|export)\b.*\bas\b/.test(line))
          .map((line) => `${path}: ${line.trim()}`)
      ),
    broken: [
      "const a = b as string;",
      "const a: any = b;",
      "const a = b as unknown as C;",
      "export default a;",
    ].map((text) => [file("src/net/a.ts", text)]),
    sound: [
      file("src/net/a.ts", 'const a = [1] as const;\nconst words = "as string";'),
      file("ffi/a.ts", "const a = b as string;"),
    ],
  },
];

const FORBIDDEN = /\bas (?!const\b|of\b)[A-Za-z{(\[]|[:<|,] *any\b|@ts-|deno-lint-ignore|export default/;

for (const { name, violations, broken, sound } of RULES) {
  Deno.test(name, () => {
    const files = sources("src", "ffi");
    assert.ok(files.length > 100, `found ${files.length} files`);
    assert.deepEqual(violations(files), []);
  });

  Deno.test(`the rule sees what breaks it: ${name}`, () => {
    for (const files of broken) {
      assert.notDeepEqual(
        violations(files),
        [],
        files.map(({ path, text }) => `${path}: ${text}`).join("\n"),
      );
    }
    assert.deepEqual(violations(sound), []);
  });
}

Deno.test("the tables list nothing that no file needs: libraries, node: modules, ambient rooms", () => {
  const files = sources("src", "ffi");
  const unused = Object.entries(FOREIGN).flatMap(([prefix, names]) =>
    names.filter((name) =>
      !files.some(({ path, text }) =>
        (path === prefix || path.startsWith(`${prefix}/`)) && withoutComments(text).includes(`"${name}"`)
      )
    ).map((name) => `${prefix}: ${name}`)
  );
  const quiet = AMBIENT_ROOMS.filter((room) =>
    !files.some(({ path, text }) => room.test(path) && AMBIENT.test(withoutComments(text)))
  ).map(String);
  assert.deepEqual([unused, quiet], [[], []]);
});

function file(path: string, text: string): Source {
  return { path, text: `// a file\n${text}` };
}

function sources(...roots: readonly string[]): readonly Source[] {
  const walk = (path: string): string[] =>
    [...Deno.readDirSync(path)].flatMap((entry) =>
      entry.isDirectory
        ? walk(`${path}/${entry.name}`)
        : /\.tsx?$/.test(entry.name)
        ? [`${path}/${entry.name}`]
        : []
    );
  return [...roots.flatMap(walk), "main.ts"].map((path) => ({ path, text: Deno.readTextFileSync(path) }));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}

/** Variables of `using` that are read once in the block that they stand in, which ends where less is indented. */
function usedOnce(text: string): readonly string[] {
  const lines = withoutComments(text).split("\n");
  return lines.flatMap((line, index) => {
    const [, indent = "", name] = /^(\s*)(?:await )?using (\w+) =/.exec(line) ?? [];
    if (name === undefined) return [];
    const rest = lines.slice(index + 1);
    const end = rest.findIndex((each) => each.trim() !== "" && !each.startsWith(indent));
    const block = rest.slice(0, end < 0 ? rest.length : end).join("\n");
    return [...block.matchAll(new RegExp(`\\b${name}\\b`, "g"))].length === 1 ? [name] : [];
  });
}

function importsOf({ path, text }: Source): readonly string[] {
  const base = new URL(path, "file:///");
  return [...withoutComments(text).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+\.tsx?)"/g)]
    .map((match) => new URL(match[1] ?? "", base).pathname.slice(1));
}

/** Everything that can be reached from a file by imports; the file itself where it is on a circle. */
function reach(graph: ReadonlyMap<string, readonly string[]>, from: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [...graph.get(from) ?? []];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...graph.get(next) ?? []);
  }
  return seen;
}

function isSrc({ path }: Pick<Source, "path">): boolean {
  return path === "main.ts" || path.startsWith("src/");
}

function isListed(path: string, name: string): boolean {
  return Object.entries(FOREIGN).some(([prefix, names]) =>
    (path === prefix || path.startsWith(`${prefix}/`)) && names.includes(name)
  );
}

function room(path: string): string {
  return path.startsWith("src/") ? path.split("/").slice(0, 2).join("/") : path;
}

/** The next part of the path within the room; "." for the room's own files. */
function inner(path: string): string {
  const rest = path.slice(room(path).length + 1);
  return rest.includes("/") ? rest.split("/")[0] ?? "" : ".";
}

function floor(path: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room(path)));
}
