/** Which known word an unknown one probably is. */
import { distance } from "fastest-levenshtein";

/** Longer words are nobody's slip. */
const MAX_LENGTH = 40;

/**
 * The member of `known` that `word` probably means, or undefined where none is near: one slip for each three letters (a
 * swap of neighbours is one slip), or the beginning of it.
 * @example nearest("statsu", ["status", "routes"]) // "status"
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3));
  const written = word.toLowerCase();
  const ranked = known.filter(({ length }) => length <= MAX_LENGTH)
    .map((candidate) => ({ candidate, slips: slips(written, candidate.toLowerCase()) }))
    .filter(({ slips }) => slips <= limit)
    .sort((a, b) => a.slips - b.slips);
  return ranked[0]?.candidate ??
    (word.length < 3 ? undefined : known.find((candidate) => candidate.toLowerCase().startsWith(written)));
}

/** Letters too many, too few or wrong; two neighbours that were swapped count once. */
function slips(word: string, candidate: string): number {
  let least = distance(word, candidate);
  for (let at = 1; at < word.length && least > 1; at++) {
    const swapped = `${word.slice(0, at - 1)}${word[at]}${word[at - 1]}${word.slice(at + 1)}`;
    least = Math.min(least, distance(swapped, candidate) + 1);
  }
  return least;
}
