// The runtime that packages have: one version everywhere, and only with the pinned hash.
import assert from "node:assert/strict";
import { ARCHITECTURES, checkIntegrity, runtimePin } from "../../packaging/runtime.ts";

Deno.test("the runtime of packages is the one that every document names", () => {
  const { version } = runtimePin("amd64");
  const documents = [...Deno.readDirSync("docs")].map(({ name }) => `docs/${name}`);
  const named = ["README.md", ".ci/run", ...documents].flatMap((path) =>
    [...Deno.readTextFileSync(path).matchAll(/\bdeno@(\d[\d.]*\d)/g)].map(([, found]) => found)
  );
  assert.ok(named.length > 3);
  assert.deepEqual([...new Set(named)], [version]);
});

Deno.test("the packages of the runtime are of its processor (elf(5): EM_X86_64 62, EM_AARCH64 183)", () => {
  const pins = ARCHITECTURES.map(runtimePin);
  assert.deepEqual(pins.map(({ machine }) => machine), [62, 183]);
  assert.deepEqual(pins.map(({ package: name }) => name), [
    "@deno/linux-x64-glibc",
    "@deno/linux-arm64-glibc",
  ]);
  assert.equal(new Set(pins.map(({ integrity }) => integrity)).size, 2);
});

Deno.test("checkIntegrity() refuses what is not pinned, and names both hashes (FIPS 180-4, the digest of `abc`)", async () => {
  const abc =
    "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
  const pin = { ...runtimePin("amd64"), integrity: abc };
  const text = (words: string) => new TextEncoder().encode(words);
  await checkIntegrity(text("abc"), pin);
  await assert.rejects(checkIntegrity(text("abd"), pin), (error: Error) => {
    assert.match(
      error.message,
      /^@deno\/linux-x64-glibc [\d.]+ is not the one that packaging\/runtime.json pins/,
    );
    assert.ok(error.message.includes(abc));
    assert.match(error.message, /its hash is sha512-(?!3a81)/);
    return true;
  });
});
