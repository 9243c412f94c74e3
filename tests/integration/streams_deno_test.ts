// The contract of streams, on what the runtime gives without FFI.
import { denoStreams } from "../../src/os/deno_streams.ts";
import { testStreams } from "../contract/streams_contract.ts";

testStreams({ name: "denoStreams()", open: denoStreams });
