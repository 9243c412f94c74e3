/** Texts in which people expect something else to be put, which nothing here does. */

const VARIABLE = /^\$\{?[A-Za-z_][A-Za-z0-9_]*\}?$|\$\{[^}]*\}/;
const TEMPLATE = /\{\{.*\}\}|\{%.*%\}|^<%.*%>$/;

/** True where a variable or a template stands in `text`. */
export function variableIn(text: string): boolean {
  return VARIABLE.test(text) || TEMPLATE.test(text);
}

/** Where a secret is meant, more than that. */
const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [VARIABLE, "a variable"],
  [/^\$\(.*\)$|^`.*`$/, "a command"],
  [TEMPLATE, "a template"],
  [/^([%@]|__)[A-Za-z][A-Za-z0-9_]*\1$|^%\(.*\)s$|^%[dhit](\/|$)/, "a placeholder"],
  [/^ENC\[.*\]$|^!vault\b|^\$ANSIBLE_VAULT;/, "something encrypted"],
  [/^(env|file|vault|secret|ssm|ref\+[a-z]+|awssm|op|gcp|azure):/i, "a reference"],
  [/^\/(run|etc|var|root|home|usr|opt|srv)\/|^@\//, "the path of a file"],
  [/^<[^<>]*>$|^(change-?me|x{3,})$/i, "a stand-in"],
  [/^\(not shown\)$/, "what check --print shows in place of a password"],
];

/** What `text` looks like that is not replaced by anything; undefined where it looks like a value. */
export function placeholderIn(text: string): string | undefined {
  return PLACEHOLDERS.find(([pattern]) => pattern.test(text))?.[1];
}
