import assert from "node:assert/strict";
import fc from "fast-check";
import { Reader, ReadError } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";

Deno.test("Reader reads what Writer wrote, in both byte orders", () => {
  const value = fc.record({
    a: fc.nat(0xff),
    b: fc.nat(0xffff),
    c: fc.nat(0xffffffff),
    d: fc.bigInt(0n, 2n ** 64n - 1n),
    e: fc.uint8Array({ maxLength: 600 }),
  });
  fc.assert(
    fc.property(value, fc.boolean(), ({ a, b, c, d, e }, littleEndian) => {
      const written = new Writer({ capacity: 1, littleEndian }).u8(a).u16(b).u32(c).u64(d).bytes(e).zeros(3)
        .finish();
      const reader = new Reader(written, { littleEndian });
      assert.deepEqual([reader.u8("a"), reader.u16("b"), reader.u32("c"), reader.u64("d")], [a, b, c, d]);
      assert.deepEqual(reader.bytes(e.length, "e"), Uint8Array.from(e));
      assert.deepEqual(reader.rest(), new Uint8Array(3));
    }),
    { seed: 1 },
  );
});

Deno.test("Reader never reads past its end and names field and offset, also in a sub-reader", () => {
  const reader = new Reader(Uint8Array.of(0, 1, 2, 3, 4));
  reader.u8("skipped");
  const inner = reader.sub(2, "inner");
  inner.u8("first");
  assert.throws(() => inner.u16("length"), (error) => {
    assert.ok(error instanceof ReadError);
    assert.deepEqual([error.field, error.offset], ["length", 2]);
    assert.match(error.message, /length at offset 2 needs 2 bytes, 1 left/);
    return true;
  });
  assert.equal(inner.remaining, 1, "a failed read takes nothing");
  assert.equal(reader.u16("after"), 0x0304);
  assert.throws(() => reader.sub(1, "none"), ReadError);
});

Deno.test("Writer patches what was reserved", () => {
  const writer = new Writer().u16(0).u8(9).u32(0).u8(0);
  writer.patchU16(0, 0x0102);
  writer.patchU32(3, 0xfffefdfc);
  writer.patchU8(7, 1);
  assert.deepEqual(writer.finish(), Uint8Array.of(1, 2, 9, 0xff, 0xfe, 0xfd, 0xfc, 1));
});

Deno.test("Writer grows at every kind of write, right at its end", () => {
  const writes: readonly ((writer: Writer) => void)[] = [
    (writer) => void writer.u8(1),
    (writer) => void writer.u16(1),
    (writer) => void writer.u32(1),
    (writer) => void writer.u64(1n),
    (writer) => void writer.bytes(Uint8Array.of(0, 1)),
  ];
  for (const write of writes) {
    const writer = new Writer({ capacity: 4 }).u32(0xffff_ffff);
    write(writer);
    const bytes = writer.finish();
    assert.deepEqual([...bytes.subarray(0, 4)], [255, 255, 255, 255]);
    assert.equal(bytes.at(-1), 1);
  }
});
