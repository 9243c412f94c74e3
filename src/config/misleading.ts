/**
 * Characters in a file that its reader cannot see, or takes for others. Everywhere outside of comments they are refused: in
 * double quotes an escape says that one is meant. In comments only those are that make other text look different.
 */
import { findBidirectional, findMisleading, type Misleading } from "../text/characters.ts";
import type { Slip } from "./syntax.ts";
import { tokensOf } from "./tokens.ts";

const BYTE_ORDER_MARK = "\ufeff";

/** The first one; undefined: none. */
export function findMisleadingCharacter(text: string): Slip | undefined {
  const lone = /\r(?!\n)/.exec(text);
  if (lone !== null) {
    return {
      offset: lone.index,
      message: "has a carriage return without a line feed: end lines with line feeds",
    };
  }
  if (findMisleading(text) === undefined) return undefined;
  // What stands between tokens is part of one as soon as it is no space, tab or line end.
  for (const { kind, text: token, offset } of tokensOf(text)) {
    if (offset === 0 && token === BYTE_ORDER_MARK) continue;
    const found = kind === "comment" ? findBidirectional(token) : findMisleading(token);
    if (found !== undefined) return { offset: offset + found.offset, message: messageOf(found) };
  }
  return undefined;
}

function messageOf({ problem }: Misleading): string {
  return `${problem}: remove it, or write it as an escape in double quotes (such as "\\u00e9") where it is meant`;
}
