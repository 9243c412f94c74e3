/** Everything that reads what others send, a row each: what is added here is fuzzed by `deno task fuzz`. */
import { BGP_FUZZ } from "../bgp/wire/fuzz.ts";
import { DNS_FUZZ } from "../health/connect/dns_fuzz.ts";
import { GRPC_FUZZ, GRPC_MESSAGE_FUZZ } from "../health/connect/grpc_fuzz.ts";
import { HTTP_FUZZ } from "../health/connect/http_fuzz.ts";
import type { FuzzSubject } from "./fuzz.ts";

/** The rows. */
export const SUBJECTS: readonly FuzzSubject[] = [
  BGP_FUZZ,
  ...HTTP_FUZZ,
  GRPC_FUZZ,
  GRPC_MESSAGE_FUZZ,
  DNS_FUZZ,
];
