// Checksums that people compare by sha256sum(1).
import assert from "node:assert/strict";
import { checksumLine } from "../../packaging/compile.ts";

Deno.test("checksumLine() is a line of sha256sum(1) (FIPS 180-4, the digests of `abc` and of nothing)", async () => {
  const line = (text: string) => checksumLine(new TextEncoder().encode(text), "bgp-lb");
  assert.equal(
    await line("abc"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  bgp-lb\n",
  );
  assert.equal(await line(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  bgp-lb\n");
});
