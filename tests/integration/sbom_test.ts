// The bill of materials of this checkout, judged by CycloneDX's own schema (which comes with its library for JavaScript).
import assert from "node:assert/strict";
import { Ajv } from "ajv";
import library from "@cyclonedx/cyclonedx-library/package.json" with { type: "json" };
import { runtimePin } from "../../packaging/runtime.ts";
import { hexDigest, makeBill } from "../../packaging/sbom.ts";
import { runOrThrow } from "../support/process.ts";

/** The folder of the schemas in the runtime's cache. */
async function schemaFolder(): Promise<string> {
  const specifier = `npm:${library.name}@${library.version}`;
  const info: { readonly npmPackages: Readonly<Record<string, { name: string; localPath: string }>> } = JSON
    .parse(await runOrThrow(Deno.execPath(), ["info", "--json", specifier]));
  const found = Object.values(info.npmPackages).find(({ name }) => name === library.name);
  return `${found?.localPath}/res/schema`;
}

async function validator(): Promise<(bill: unknown) => readonly string[]> {
  const folder = await schemaFolder();
  const schema = async (name: string) => JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  for (const name of ["spdx", "jsf-0.82", "cryptography-defs"]) {
    const file = `${name}.SNAPSHOT.schema.json`;
    ajv.addSchema({ ...await schema(file), $id: `http://cyclonedx.org/schema/${file}` });
  }
  const validate = ajv.compile(await schema("bom-1.6.SNAPSHOT.schema.json"));
  return (bill) =>
    validate(bill)
      ? []
      : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

Deno.test("the bill of materials is one by CycloneDX's schema, names what main.ts imports, and no tool of the tests", async () => {
  const problems = await validator();
  const bill = JSON.parse(new TextDecoder().decode(await makeBill()));
  assert.deepEqual(problems(bill), []);
  const names: readonly string[] = bill.components.map(({ name }: { readonly name: string }) => name);
  for (const name of ["hono", "yaml", "zod", "prom-client", "@logtape/logtape"]) {
    assert.ok(names.includes(name), `${name} of ${names}`);
  }
  for (const name of ["fast-check", "playwright-core", "ajv", "kubernetes-models", library.name]) {
    assert.ok(!names.includes(name), name);
  }
  for (const { name, licenses, hashes } of bill.components) {
    assert.ok(licenses?.length === 1, `${name} names no licence`);
    assert.match(hashes[0].content, /^[0-9a-f]{128}$/);
  }
});

Deno.test("the bill of a package names the runtime that comes with it, by its pinned digest", async () => {
  const problems = await validator();
  const { package: name, version, integrity } = runtimePin("arm64");
  const runtime = { name, version, integrity, dependencies: [], licence: "MIT", licenceText: undefined };
  const bill = JSON.parse(new TextDecoder().decode(await makeBill(runtime)));
  assert.deepEqual(problems(bill), []);
  const purl = `pkg:npm/%40deno/linux-arm64-glibc@${version}`;
  assert.equal(bill.components[0].purl, purl);
  assert.equal(bill.components[0].hashes[0].content, hexDigest(integrity));
  assert.ok(bill.dependencies[0].dependsOn.includes(purl));
});

Deno.test("the schema refuses what is no bill, so that the test before says something", async () => {
  const problems = await validator();
  const bill = JSON.parse(new TextDecoder().decode(await makeBill()));
  const wrong = [
    { ...bill, bomFormat: "SPDX" },
    { ...bill, parts: [] },
    { ...bill, components: [{ ...bill.components[0], hashes: [{ alg: "SHA-512", content: "ab" }] }] },
    { ...bill, components: [{ ...bill.components[0], licenses: [{ license: { id: "No Such" } }] }] },
  ];
  for (const each of wrong) assert.notDeepEqual(problems(each), []);
});

Deno.test("the bill of one checkout is the same each time", async () => {
  assert.deepEqual(await makeBill(), await makeBill());
});

Deno.test("hexDigest() takes SHA-512 and nothing else (Subresource Integrity 3.5)", () => {
  assert.equal(hexDigest(`sha512-${new Uint8Array(64).toBase64()}`), "00".repeat(64));
  for (const wrong of ["", "sha1-AAAA", "sha512-AAAA", `sha512-${new Uint8Array(63).toBase64()}`]) {
    assert.throws(() => hexDigest(wrong), /SHA-512/, wrong);
  }
});
