import assert from "node:assert/strict";
import { codeOf, messageOf } from "../../src/text/error_message.ts";

Deno.test("messageOf() has words for whatever was thrown", () => {
  assert.equal(messageOf(new TypeError("wrong")), "wrong");
  assert.equal(messageOf("text"), "text");
  assert.equal(messageOf(Object.create(null)), "something that has no text");
});

Deno.test("codeOf() finds the kernel's name of an error, or of what caused it", () => {
  const refused = Object.assign(new Error("no"), { code: "ECONNREFUSED" });
  assert.equal(codeOf(refused), "ECONNREFUSED");
  assert.equal(codeOf(new Error("cannot connect", { cause: refused })), "ECONNREFUSED");
  for (
    const other of [new Error("no"), Object.assign(new Error("no"), { code: 7 }), "ECONNREFUSED", undefined]
  ) {
    assert.equal(codeOf(other), undefined);
  }
});
