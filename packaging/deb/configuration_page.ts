/** The manual page bgp-lb.yaml(5), made of the schema that checks the configuration and of the example. Pure. */
import { head, macro, prose, verbatim, word } from "./mdoc.ts";

/** Of JSON Schema, what the page says. */
interface Part {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Part>>;
  readonly required?: readonly string[];
  readonly items?: Part;
  readonly anyOf?: readonly Part[];
  readonly oneOf?: readonly Part[];
}

/** A key is written `services[].name`. */
interface Key {
  readonly path: string;
  readonly part: Part;
  readonly required: boolean;
}

/** The page. @param schema JSON Schema of the file @param example the file with every key @param date ISO 8601 */
export function configurationPage(schema: Part, example: string, date: string): string {
  const keys = keysOf(schema, "");
  return [
    ...head("bgp-lb.yaml", 5, date, "configuration of bgp-lb"),
    ".Sh DESCRIPTION",
    ...prose(
      "The file /etc/bgp-lb/config.yaml, in YAML or JSON. Unknown keys are errors. Durations are 500ms, 3s, 2m, 1h30m, or a " +
        "number of seconds.",
    ),
    macro("Ic", "bgp-lb", "check"),
    ...prose(
      "shows every problem with its line, before anything runs; an agent that runs takes a changed file by",
    ),
    macro("Ic", "bgp-lb", "reload", "."),
    ".Sh KEYS",
    ".Bl -tag -width Ds",
    ...keys.flatMap(({ path, part, required }) => [
      macro("It", "Va", word(path)),
      ...prose(about(part, required)),
    ]),
    ".El",
    ".Sh FILES",
    ".Bl -tag -width Ds",
    ".It Pa /etc/bgp-lb/config.yaml",
    ...prose("The configuration; config.json is read where it is not there."),
    ".It Pa /usr/share/doc/bgp-lb/examples/config.example.yaml",
    ...prose("Every key, with its default and its alternatives."),
    ".El",
    ".Sh EXAMPLES",
    ...prose("Every key:"),
    ...verbatim(example),
    ".Sh SEE ALSO",
    ".Xr bgp-lb 8",
    "",
  ].join("\n");
}

/** Every key, the outer before the inner. What lists have in common with their defaults is said once. */
function keysOf(part: Part, path: string): readonly Key[] {
  const found: Key[] = [];
  for (const [name, inner] of Object.entries(part.properties ?? {})) {
    const here = path === "" ? name : `${path}.${name}`;
    if (/^bgp\.peers\[\]\.(?!address$|name$|as$)/.test(here)) continue;
    found.push({ path: here, part: inner, required: part.required?.includes(name) === true });
    found.push(...innerKeys(inner, here));
  }
  return found;
}

/** What stands below a key: of a list its items', of alternatives all that they have; checks by their kinds. */
function innerKeys(part: Part, path: string): readonly Key[] {
  const alternatives = [...part.anyOf ?? [], ...part.oneOf ?? []].filter(({ properties }) =>
    properties !== undefined
  );
  // Checks stand at several places, with the same keys.
  if (path.endsWith(".checks") && path !== "services[].checks") return [];
  return onceEach([
    ...keysOf(part, path),
    ...part.items === undefined ? [] : innerKeys(part.items, `${path}[]`),
    ...alternatives.flatMap((each) => keysOf(each, path).map((key) => ofKind(key, path, each, alternatives))),
  ]);
}

/** A key that only some kinds of check have, or that means something else in them, names them: `checks[type=http].path`. */
function ofKind(key: Key, path: string, kind: Part, kinds: readonly Part[]): Key {
  const [name = ""] = key.path.slice(path.length + 1).split(".");
  const type = kind.properties?.["type"];
  const words = type?.const === undefined ? type?.enum : [type.const];
  const { description } = kind.properties?.[name] ?? {};
  const alike = kinds.filter(({ properties }) => properties?.[name]?.description === description).length;
  if (words === undefined || alike === kinds.length) return key;
  return {
    ...key,
    path: `${path.replace(/\[\]$/, "")}[type=${words.join("|")}]${key.path.slice(path.length)}`,
  };
}

/** One of each path: that which says something. */
function onceEach(keys: readonly Key[]): readonly Key[] {
  const byPath = new Map<string, Key>();
  for (const key of keys) {
    if (byPath.get(key.path)?.part.description === undefined) byPath.set(key.path, key);
  }
  return [...byPath.values()];
}

function about({ description = "", enum: words, default: fallback }: Part, required: boolean): string {
  const plain = fallback !== undefined && (typeof fallback !== "object" || Array.isArray(fallback));
  const sentences = [
    description === "" ? "See the example" : description,
    ...words !== undefined && !words.every((each) => description.includes(String(each)))
      ? [`One of ${words.join(", ")}`]
      : [],
    ...plain && !/Default:/.test(description) ? [`Default: ${JSON.stringify(fallback)}`] : [],
    ...required ? ["Required"] : [],
  ];
  return sentences.map((each) => each.replace(/\.?$/, ".")).join(" ");
}
