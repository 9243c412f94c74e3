// What hosts are held against in the tests of doctor: configurations by their differences from a small one.
import type { Config, DestinationConfig, PortConfig, ServiceConfig } from "../../src/config/config.ts";
import assert from "node:assert/strict";
import { examine, type NamedFinding } from "../../src/doctor/examine.ts";
import { ROWS } from "../../src/doctor/rows.ts";
import type { FakeDoctorHost } from "../support/doctor_host.ts";
import { type Circumstances, type Subject, subjectOf } from "../../src/doctor/subject.ts";
import { address } from "../support/bgp.ts";
import { config, serviceConfig } from "../support/config.ts";

/** Nobody runs, nothing is secret. */
export const ALONE: Circumstances = {
  descriptorNeed: 400,
  secrets: [],
  agent: undefined,
  controlDoubt: undefined,
};

/** One service, with some of it otherwise. */
export function subject(
  service: Partial<ServiceConfig> = {},
  rest: Partial<Config> = {},
  circumstances: Partial<Circumstances> = {},
): Subject {
  return subjectOf(config({ services: [serviceConfig(service)], ...rest }), { ...ALONE, ...circumstances });
}

/** Its only port, with some of it otherwise. */
export function port(
  overrides: Partial<PortConfig> = {},
  destination: Partial<DestinationConfig> = {},
): PortConfig {
  const [only] = serviceConfig().ports;
  const [first] = only?.destinations ?? [];
  if (only === undefined || first === undefined) throw new Error("the service has no port");
  return { ...only, destinations: [{ ...first, ...destination }], ...overrides };
}

/** A service whose only port sends there. */
export function sendingTo(
  text: string,
  destination: Partial<DestinationConfig> = {},
  overrides: Partial<PortConfig> = {},
): Partial<ServiceConfig> {
  return { ports: [port(overrides, { address: address(text), ...destination })] };
}

/** What one row finds. */
export async function lookBy(
  row: string,
  host: FakeDoctorHost,
  of: Subject,
): Promise<readonly NamedFinding[]> {
  const rows = ROWS.filter(({ name }) => name === row);
  assert.equal(rows.length, 1, `one row ${row}`);
  return await examine(rows, host, of);
}
