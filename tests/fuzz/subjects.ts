/** Everything that reads what others send, a row each: what is added here is fuzzed by `deno task fuzz`. */
import { BFD_FUZZ } from "../bfd/bfd_fuzz.ts";
import { BGP_FUZZ } from "../bgp/wire/fuzz.ts";
import { CERTIFICATE_FUZZ } from "../health/connect/certificate_fuzz.ts";
import { MIGRATE_FUZZ } from "../cli/migrate_fuzz.ts";
import { DNS_FUZZ } from "../health/connect/dns_fuzz.ts";
import { FAILURE_FUZZ } from "../health/connect/failure_fuzz.ts";
import { GRPC_FUZZ, GRPC_MESSAGE_FUZZ } from "../health/connect/grpc_fuzz.ts";
import { HPACK_FUZZ } from "../health/connect/hpack_fuzz.ts";
import { HTTP_FUZZ } from "../health/connect/http_fuzz.ts";
import { NAMES_FUZZ } from "../health/connect/names_fuzz.ts";
import { HOST_FUZZ } from "../health/kinds/host_fuzz.ts";
import { OCTETS_FUZZ } from "../health/kinds/octets_fuzz.ts";
import { ICMP_FUZZ } from "../icmp/icmp_fuzz.ts";
import { ROUTER_MESSAGE_FUZZ } from "../icmp/router_message_fuzz.ts";
import type { FuzzSubject } from "./fuzz.ts";

/** The rows. */
export const SUBJECTS: readonly FuzzSubject[] = [
  BGP_FUZZ,
  BFD_FUZZ,
  ...HTTP_FUZZ,
  HPACK_FUZZ,
  GRPC_FUZZ,
  GRPC_MESSAGE_FUZZ,
  DNS_FUZZ,
  ICMP_FUZZ,
  ROUTER_MESSAGE_FUZZ,
  ...OCTETS_FUZZ,
  ...HOST_FUZZ,
  CERTIFICATE_FUZZ,
  NAMES_FUZZ,
  FAILURE_FUZZ,
  MIGRATE_FUZZ,
];
