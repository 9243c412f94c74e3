/** Names of things outside the file: interfaces, hosts, groups. */
import { parseAddress } from "../../net/address.ts";
import { isMulticast, isUnspecified } from "../../net/address_kind.ts";
import { variableIn } from "./placeholder.ts";
import { nameProblem, printableProblem } from "../../text/characters.ts";
import type { Parsed } from "../../text/parsed.ts";

/** Text that is what it looks like. */
export function parsePrintable(text: string): Parsed<string> {
  const problem = printableProblem(text);
  return problem === undefined ? { value: text } : { problem };
}

/** The absolute path of a file. */
export function parseFilePath(text: string): Parsed<string> {
  if (!text.startsWith("/") || text.endsWith("/")) return { problem: "must be the absolute path of a file" };
  return parsePrintable(text);
}

/** A name that Linux takes for an interface (dev_valid_name of net/core/dev.c) and that is free to be ours. */
export function parseInterfaceName(text: string): Parsed<string> {
  const octets = new TextEncoder().encode(text).byteLength;
  if (octets === 0) return { problem: "must not be empty" };
  if (octets > 15) return { problem: `is ${octets} bytes long, an interface name has at most 15` };
  if (text === "." || text === "..") return { problem: "cannot be an interface name" };
  const bad = /[\s/:%\p{Cc}]/u.exec(text);
  if (bad !== null) {
    return { problem: `cannot be an interface name: ${characterName(bad[0])} is not allowed in one` };
  }
  return parseTellable(text);
}

/** A name that people can tell from others by looking at it. */
export function parseTellable(text: string): Parsed<string> {
  if (variableIn(text)) return { problem: "looks like a variable: nothing is put in for it" };
  const problem = nameProblem(text);
  return problem === undefined ? { value: text } : { problem };
}

/** A host name or an address to connect to. */
export function parseHost(text: string): Parsed<string> {
  const address = parseAddress(text);
  if (address !== undefined) {
    return isMulticast(address) || isUnspecified(address)
      ? { problem: "must be a host name or an address of one host" }
      : { value: address.text };
  }
  const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
  const labels = text.replace(/\.$/, "").split(".");
  const named = text.length <= 253 && labels.every((part) => label.test(part)) &&
    !/^[0-9]+$/.test(labels.at(-1) ?? "");
  if (named) return { value: text };
  const cure = /[:/]/.test(text) ? ", without scheme, port or path" : "";
  return { problem: `must be a host name or an address${cure}` };
}

/** chown(2) takes the number above this for "leave it as it is". */
const MAX_GROUP = 4_294_967_294;

/** The name of a group, or its number. */
export function parseGroup(text: string): Parsed<string> {
  const known = /^[0-9]/.test(text)
    ? /^(0|[1-9][0-9]{0,9})$/.test(text) && Number(text) <= MAX_GROUP
    : /^[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?$/.test(text);
  return known ? { value: text } : { problem: "must be the name of a group, such as adm, or its number" };
}

function characterName(character: string): string {
  return character === " " ? "a space" : JSON.stringify(character);
}
