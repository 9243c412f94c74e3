/** The file's `tcpAO` part of a peer (RFC 5925). */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { text, whole } from "../values/rules.ts";
import { MAX_PASSWORD_OCTETS, parsePassword, parsePasswordFile } from "./secret.ts";

/** So many keys a peer can have. */
const MAX_KEYS = 16;

function keySchema() {
  return z.strictObject({
    sendID: whole(0, 255).describe("The key's number in what we send: the peer's receive ID"),
    receiveID: whole(0, 255).describe("The key's number in what the peer sends: its send ID"),
    algorithm: z.enum(["hmac-sha-1-96", "aes-128-cmac-96", "hmac-sha-256-128"]).default("hmac-sha-1-96")
      .describe("The message authentication code (RFC 5926)"),
    password: text(parsePassword, `^[^]{1,${MAX_PASSWORD_OCTETS}}$`).optional().describe(
      "The key; instead of passwordFile",
    ),
    passwordFile: text(parsePasswordFile, "^[^]+$").optional().describe(
      "A file with the key, such as a systemd credential; instead of password",
    ),
  }).superRefine(({ password, passwordFile }, context) => {
    if ((password === undefined) !== (passwordFile === undefined)) return;
    const message = password === undefined
      ? "needs password or passwordFile"
      : "cannot be given together with passwordFile";
    context.addIssue({ code: "custom", path: ["password"], message });
  }).meta({ oneOf: [{ required: ["password"] }, { required: ["passwordFile"] }] });
}

/** Keys of TCP-AO with a peer. */
export const tcpAoSchema = lazily(() => {
  return z.array(keySchema()).min(1, { error: "must have at least one key (off: no TCP-AO)" }).max(MAX_KEYS)
    .describe("TCP-AO keys (RFC 5925), the one to begin with first; instead of password. Default: off");
});
