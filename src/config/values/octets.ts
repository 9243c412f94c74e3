/** What is sent to a service, or looked for in what it says: a text, which stands for its UTF-8, or octets in hexadecimal. */
import * as z from "zod";
import { findMisleading } from "../../text/characters.ts";
import type { Parsed } from "../../text/parsed.ts";
import { PATTERNS } from "./patterns.ts";

/** The most octets that one may have. */
export const MAX_OCTETS = 4096;

/** As the file spells them. */
type Spelling = string | { readonly hex: string };
type Octets = z.ZodPipe<
  z.ZodUnion<readonly [z.ZodString, z.ZodObject<{ hex: z.ZodString }, z.core.$strict>]>,
  z.ZodTransform<Uint8Array, Spelling>
>;

/** Some octets, at least one. */
export function octets(): Octets {
  const spellings = [
    z.string().register(z.globalRegistry, { minLength: 1 }),
    z.strictObject({ hex: z.string().register(z.globalRegistry, { pattern: PATTERNS.hex }) }),
  ] as const;
  const error = 'must be a text, or octets in hexadecimal: {hex: "1b 00"}';
  return z.union(spellings, { error }).transform((input, context): Uint8Array => {
    const parsed = typeof input === "string" ? parseText(input) : parseHex(input.hex);
    if ("value" in parsed) return parsed.value;
    const path = typeof input === "string" ? [] : ["hex"];
    context.issues.push({ code: "custom", message: parsed.problem, input, path });
    return z.NEVER;
  });
}

function parseText(input: string): Parsed<Uint8Array> {
  if (!input.isWellFormed()) {
    return { problem: "has half a character (a surrogate): give octets as {hex: …}" };
  }
  return bounded(new TextEncoder().encode(input));
}

function parseHex(input: string): Parsed<Uint8Array> {
  const problem = 'must be pairs of hexadecimal digits, such as "1b 00"';
  return new RegExp(PATTERNS.hex).test(input) ? bounded(Uint8Array.fromHex(input.replaceAll(" ", ""))) : {
    problem,
  };
}

function bounded(value: Uint8Array): Parsed<Uint8Array> {
  const { byteLength } = value;
  if (byteLength === 0) return { problem: "must not be empty; leave it out for none" };
  return byteLength > MAX_OCTETS
    ? { problem: `must have at most ${MAX_OCTETS} octets, and has ${byteLength}` }
    : { value };
}

/** The same as the file spells it: a text where they are one that shows all that it has. */
export function renderOctets(octets: Uint8Array | undefined): Spelling | undefined {
  if (octets === undefined) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
    if (findMisleading(text) === undefined) return text;
  } catch {
    // They are no text.
  }
  return { hex: octets.toHex() };
}
