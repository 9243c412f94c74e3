/** Terminal sequences as something that can be read, and matched. */

/** `text` with ESC for each escape character. */
export function visible(text: string): string {
  return text.replaceAll("\u001b", "ESC");
}
