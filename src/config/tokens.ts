/** A text's YAML tokens with their offsets, also where it is no valid YAML. */
import { CST, Lexer } from "yaml";

/** The kinds of tokens that are told apart here; `:` and `-` are those that YAML takes for itself. */
export type TokenKind =
  | "plain"
  | "quoted"
  | "open"
  | "close"
  | "comma"
  | "colon"
  | "dash"
  | "newline"
  | "comment"
  | "block"
  | "other";

/** A token. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly offset: number;
}

/** The tokens of `text` without spaces. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  let expected: TokenKind | undefined;
  for (const source of new Lexer().lex(text)) {
    const type = CST.tokenType(source);
    // Marks of the lexer's own are one character that does not stand in the text.
    if (type === "doc-mode" || type === "flow-error-end") continue;
    if (type === "scalar" && source === CST.SCALAR) {
      expected ??= "plain";
      continue;
    }
    const kind = expected ?? kindOf(type);
    if (kind !== undefined) tokens.push({ kind, text: source, offset });
    expected = type === "block-scalar-header"
      ? "block"
      : expected === "block" && type === "newline"
      ? "block"
      : undefined;
    offset += source.length;
  }
  return tokens;
}

function kindOf(type: CST.TokenType | null): TokenKind | undefined {
  switch (type) {
    case "space":
      return undefined;
    case "newline":
    case "comment":
    case "comma":
      return type;
    case "single-quoted-scalar":
    case "double-quoted-scalar":
      return "quoted";
    case "flow-map-start":
    case "flow-seq-start":
      return "open";
    case "flow-map-end":
    case "flow-seq-end":
      return "close";
    case "map-value-ind":
      return "colon";
    case "seq-item-ind":
      return "dash";
    default:
      return "other";
  }
}
