// The contract of streams, on what the runtime gives without FFI.
import assert from "node:assert/strict";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { LOOPBACK } from "../support/ffi.ts";
import { testStreams } from "../contract/streams_contract.ts";

testStreams({ name: "denoStreams()", open: denoStreams });

Deno.test("denoStreams() refuses a source, which the runtime would take and ignore", async () => {
  for (const source of [{ address: LOOPBACK[4] }, { device: "lo" }, { mark: 1 }]) {
    const connecting = denoStreams().connect(
      { address: LOOPBACK[4], port: 9 },
      new AbortController().signal,
      source,
    );
    await assert.rejects(connecting, /only FFI opens: run with --allow-ffi/);
  }
});
