/** Passwords: read from their files, kept from others' eyes, and not mistaken for the variable that they look like. */
import { messageOf } from "../text/error_message.ts";
import type { Finding, Path } from "./values/finding.ts";
import { MAX_PASSWORD_OCTETS } from "./schema/secret.ts";

/** A file that holds a secret, and its permission bits where they are known. */
export interface SecretFile {
  readonly text: string;
  readonly mode?: number | undefined;
}

/** Reads a file that holds a secret. @throws {Error} with a message for people, such as "does not exist" */
export type ReadSecretFile = (path: string) => SecretFile;

/** The password in `file`, or nothing; what is wrong goes to `findings`, about the key at `path`. */
export function readPassword(
  file: string,
  path: Path,
  readSecretFile: ReadSecretFile,
  findings: Finding[],
): string {
  let secret: SecretFile;
  try {
    secret = readSecretFile(file);
  } catch (error) {
    findings.push({ path, message: `names a file that ${messageOf(error)}` });
    return "";
  }
  // The first line's end is not part of the password: editors and `echo` write one.
  const password = secret.text.replace(/\r?\n$/, "");
  const problem = passwordProblem(password);
  if (problem !== undefined) findings.push({ path, message: `names a file ${problem}` });
  const warn = (message: string) => findings.push({ path, message, severity: "warning" });
  const exposure = exposureOf(secret.mode);
  if (exposure !== undefined) warn(`names a file that ${exposure}: chmod o= it`);
  if (problem === undefined && password !== password.trim()) {
    warn("names a file whose text begins or ends with a space: it is part of the password");
  }
  return password;
}

function passwordProblem(password: string): string | undefined {
  const octets = new TextEncoder().encode(password).byteLength;
  if (octets === 0) return "that is empty";
  if (/[\r\n]/.test(password)) return "with more than one line";
  if (/\p{Cc}/u.test(password)) return "with control characters";
  return octets > MAX_PASSWORD_OCTETS
    ? `with ${octets} bytes, a key has at most ${MAX_PASSWORD_OCTETS}`
    : undefined;
}

/** What everybody on this host can do with a file of that mode, and should not where it holds a secret. */
export function exposureOf(mode: number | undefined): string | undefined {
  if (mode === undefined || (mode & 0o006) === 0) return undefined;
  const octal = mode.toString(8).padStart(4, "0");
  const verbs = (mode & 0o006) === 0o006 ? "read and change" : (mode & 0o004) !== 0 ? "read" : "change";
  return `every user of this host can ${verbs} (mode ${octal})`;
}
