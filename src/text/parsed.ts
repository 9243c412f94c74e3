/** What a parser of one value answers: the value, or why the text is none. */

/** A value, or what is wrong with its text. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };
