/** How a text for people is set: how wide, and in which colours. Pure. */

/** How a text is set. */
export interface Style {
  /** Columns that a line may take; undefined: any number. */
  readonly width: number | undefined;
  readonly colour: boolean;
}

/** As it goes into files and pipes: lines as long as they are, no colours. */
export const PLAIN: Style = { width: undefined, colour: false };

/** What a text says about how things are; its colour. */
export type Tone = "good" | "bad" | "changing" | "strong";

/** A text with what it says. */
export interface Toned {
  readonly text: string;
  readonly tone: Tone;
}

/** A piece of text, in a colour or without. */
export type Piece = string | Toned;

/** SGR parameters (ECMA-48 8.3.117): the terminal's own green, red and yellow, which its user has made readable. */
const SGR: Readonly<Record<Tone, number>> = { good: 32, bad: 31, changing: 33, strong: 1 };

/** A text that says that something is as it should be, is not, or is on its way. */
export function toned(text: string, tone: Tone | undefined): Piece {
  return tone === undefined ? text : { text, tone };
}

/** The text of a piece. */
export function textOf(piece: Piece): string {
  return typeof piece === "string" ? piece : piece.text;
}

/** `text`, which is printable, in the colour of the piece that it is of. */
export function painted(text: string, piece: Piece, { colour }: Style): string {
  if (!colour || typeof piece === "string" || text === "") return text;
  return `\u001b[${SGR[piece.tone]}m${text}\u001b[0m`;
}
