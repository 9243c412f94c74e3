/** Reads markup as plainly as can be, and stops at whatever is not as it should be: for tests of pages that are made. */
import assert from "node:assert/strict";

/** An element's start. */
export interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** What stands in a page. */
export interface Markup {
  readonly tags: readonly Tag[];
  /** Outside of style and script, entities resolved. */
  readonly text: string;
  /** Of style and script. */
  readonly raw: Readonly<Record<"style" | "script", string>>;
}

const VOID = new Set(["meta", "link", "br", "input", "hr"]);
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z:-]+(?:="[^"<>]*")?)*)\s*(\/?)>/y;

/** Reads a document. @throws where a tag, an attribute or an entity is none, or an element is not closed by its own end */
export function readMarkup(html: string): Markup {
  const tags: Tag[] = [];
  const raw = { style: "", script: "" };
  const open: string[] = [];
  let text = "";
  let at = html.indexOf(">") + 1;
  assert.equal(html.slice(0, at), "<!DOCTYPE html>");
  while (at < html.length) {
    const next = html.indexOf("<", at);
    if (next < 0) {
      text += plain(html.slice(at));
      break;
    }
    text += plain(html.slice(at, next));
    TAG.lastIndex = next;
    const found = TAG.exec(html);
    assert.ok(found, `a tag at ${html.slice(next, next + 120)}`);
    const [all, end, name = "", attributes = "", closed] = found;
    at = next + all.length;
    if (end === "/") {
      assert.equal(open.pop(), name, `the end of ${name} before ${html.slice(at, at + 80)}`);
      continue;
    }
    tags.push({ name, attributes: attributesOf(attributes) });
    if (name === "style" || name === "script") {
      const close = html.indexOf(`</${name}>`, at);
      raw[name] += html.slice(at, close);
      at = close + name.length + 3;
    } else if (!VOID.has(name) && closed !== "/") open.push(name);
  }
  assert.deepEqual(open, []);
  return { tags, text, raw };
}

function attributesOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(/([a-zA-Z:-]+)(?:="([^"]*)")?/g)) {
    assert.ok(!found.has(name), `${name} twice in ${text}`);
    found.set(name, plain(value));
  }
  return found;
}

function plain(text: string): string {
  assert.ok(!text.includes("<") && !text.includes(">"), text);
  return text.replaceAll(/&([^;&\s]{0,8};?)/g, (all, name: string) => {
    const character = ENTITIES[name.replace(";", "")];
    assert.ok(character !== undefined && name.endsWith(";"), `the entity ${all}`);
    return character;
  });
}
