/** Secrets of the file: which values are some, and what stands in their place. */

/** What stands in place of a password. */
export const HIDDEN = "(not shown)";

/** Whether a header field of that name says who we are, and is to be seen by nobody. */
export function isSecretField(name: string): boolean {
  return /auth|cookie|credential|key|pass|secret|session|signature|token/i.test(name);
}
