/** Everything that doctor looks at, in the order in which it is told. */
import { CHECK_ROWS } from "./check_rows.ts";
import { CLASH_ROWS } from "./clash_rows.ts";
import { DAEMON_ROWS } from "./daemon_rows.ts";
import type { Row } from "./finding.ts";
import { FORWARDING_ROWS } from "./forwarding_rows.ts";
import { IPVS_ROWS } from "./ipvs_rows.ts";
import { KERNEL_ROWS } from "./kernel_rows.ts";
import { NEIGHBOUR_ROWS } from "./neighbour_rows.ts";
import { PROCESS_ROWS } from "./process_rows.ts";
import { SESSION_ROWS } from "./session_rows.ts";
import { THROUGH_ROWS } from "./through_rows.ts";
import { TUNNEL_ROWS } from "./tunnel_rows.ts";

/** The table. */
export const ROWS: readonly Row[] = [
  ...KERNEL_ROWS,
  ...PROCESS_ROWS,
  ...CHECK_ROWS,
  ...CLASH_ROWS,
  ...SESSION_ROWS,
  ...NEIGHBOUR_ROWS,
  ...FORWARDING_ROWS,
  ...THROUGH_ROWS,
  ...IPVS_ROWS,
  ...TUNNEL_ROWS,
  ...DAEMON_ROWS,
];
