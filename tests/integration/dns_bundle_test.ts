/** The codec of DNS messages in a bundle, where a library that node's own modules are required by has nobody to ask. */
import assert from "node:assert/strict";
import { BUNDLING } from "../../packaging/runtime_flags.ts";

const MODULE = new URL("../../src/os/dns_packet.ts", import.meta.url).href;

/** Asks, reads a name, and shows that nothing stays in the global scope. */
const ENTRY = `
import { loadDnsCodec } from ${JSON.stringify(MODULE)};
const codec = await loadDnsCodec();
const query = codec.encode(1, { domain: "a.example", recordType: "MX", recursion: true });
console.log(query.byteLength, codec.decoder(query).name(12), "require" in globalThis);
`;

Deno.test("loadDnsCodec() works in a bundle that has nothing beside it, and leaves nothing in the global scope", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [entry, bundle] = [`${folder}/entry.ts`, `${folder}/bundle.js`];
    await Deno.writeTextFile(entry, ENTRY);
    await deno([...BUNDLING, "--config=deno.json", "--output", bundle, entry]);
    const printed = await deno([
      "run",
      "--no-config",
      "--no-lock",
      "--no-remote",
      "--no-npm",
      "--no-prompt",
      bundle,
    ]);
    assert.equal(printed, "27 a.example false\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function deno(args: readonly string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
