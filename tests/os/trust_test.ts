/** The host's store of certificates where this process cannot read it for now: that is no store without the issuer. */
import assert from "node:assert/strict";
import { BoundedFiles, FileSystemBusyError } from "../../src/os/bounded_files.ts";
import { HostTrustStore } from "../../src/os/trust.ts";

const PEM = `-----BEGIN CERTIFICATE-----\n${
  new Uint8Array([0x30, 3, 2, 1, 1]).toBase64()
}\n-----END CERTIFICATE-----\n`;
const LIMITS = { active: 4, hanging: 8, timeoutMs: 30_000 };

/** A store at `/second`, whose files say this when they are read; the clock stands still. */
function storeWhere(read: (path: string) => unknown): HostTrustStore {
  const files = new BoundedFiles(LIMITS, (path) => {
    const found = read(path);
    if (typeof found !== "string") return Promise.reject(found);
    const octets = new TextEncoder().encode(found);
    return Promise.resolve({ version: { octets: octets.byteLength, inode: 1, modifiedMs: 0 }, octets });
  });
  return new HostTrustStore({ files, now: () => 0, stores: ["/first", "/second"] });
}

const missing = () => new Error("does not exist");
const short = (code: string) => Object.assign(new Error(`Too many open files (${code})`), { code });

Deno.test("HostTrustStore takes what cannot be read for now for no absence, and asks again at once", async () => {
  for (const shortage of [short("EMFILE"), short("EIO"), new FileSystemBusyError("no answer")]) {
    for (const where of ["/first", "/second"]) {
      let isShort = true;
      const store = storeWhere((path) => {
        if (path === where && isShort) return shortage;
        return path === "/second" ? PEM : missing();
      });
      if (where === "/second") await assert.rejects(store.roots(undefined), shortage);
      else assert.equal((await store.roots(undefined)).pem, PEM, "another one was found");
      isShort = false;
      assert.equal((await store.roots(undefined)).pem, PEM);
    }
  }
});

Deno.test("HostTrustStore without any store trusts what caFile has", async () => {
  const store = storeWhere((path) => path === "/own" ? PEM : missing());
  assert.equal((await store.roots(undefined)).pem, "");
  assert.equal((await store.roots("/own")).pem, PEM);
});
