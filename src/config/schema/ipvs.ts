/** The file's `ipvs`: of a service, and of one port, whose keys go over the service's. Rules between keys are in scheduling.ts. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { distinct, optionalPart, seconds, whole } from "../values/rules.ts";

/** IPVS schedulers of the kernel. */
export const SCHEDULERS = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "sed",
  "nq",
  "fo",
  "ovf",
  "mh",
] as const;

const FLAGS = ["sh-fallback", "sh-port", "mh-fallback", "mh-port", "ops"] as const;
/** The schedulers that have flags of their own. */
const WITH_FLAGS = ["sh", "mh"] as const;

const persistenceSchema = lazily(() => {
  return z.strictObject({
    timeout: seconds("must be a duration of 1s to 31 days in whole seconds", { min: 1, max: 2_678_400 })
      .prefault("300s").describe("How long a client stays with its real server"),
    netmask: whole(1, 32).default(32).describe("IPv4 clients that share this prefix length count as one"),
    netmask6: whole(1, 128).default(128).describe("IPv6 clients that share this prefix length count as one"),
  }).describe("Clients stay with their real server. Default: off");
});

const schedulerSchema = lazily(() => z.enum(SCHEDULERS));
const flagsSchema = lazily(() => distinct(z.enum(FLAGS)));
const FLAGS_TEXT =
  "sh-fallback, sh-port, mh-fallback, mh-port; ops: every UDP datagram is scheduled by itself";

/** The `ipvs` of a service. */
export const ipvsSchema = lazily(() => {
  return z.strictObject({
    scheduler: schedulerSchema().default("rr").describe("The kernel's name of the scheduler"),
    flags: flagsSchema().default([]).describe(FLAGS_TEXT),
    persistence: optionalPart(z.lazy(persistenceSchema)),
  }).describe("How IPVS spreads connections over destinations");
});

/** The `ipvs` of one port: what is given here goes over the service's. */
export const portIpvsSchema = lazily(() => {
  return z.strictObject({
    scheduler: schedulerSchema().optional().describe("Default: the service's"),
    flags: flagsSchema().optional().describe(`${FLAGS_TEXT}. Default: the service's`),
    persistence: optionalPart(z.lazy(persistenceSchema)),
  }).meta({
    allOf: WITH_FLAGS.map((scheduler) => ({
      if: { ...haveFlagOf(scheduler), required: ["flags", "scheduler"] },
      then: { properties: { scheduler: { const: scheduler } } },
    })),
    description: "Any key of the service's ipvs, for this port. Default: the service's",
  });
});

/** For JSON Schema: flags of the service's `ipvs` need its scheduler, unless every port has one of both for itself. */
export const SERVICE_FLAGS = WITH_FLAGS.map((scheduler) => ({
  if: {
    properties: {
      ipvs: {
        ...haveFlagOf(scheduler),
        required: ["flags"],
        not: { properties: { scheduler: { const: scheduler } }, required: ["scheduler"] },
      },
    },
    required: ["ipvs"],
  },
  then: {
    properties: {
      ports: {
        minItems: 1,
        items: {
          properties: { ipvs: { anyOf: [{ required: ["scheduler"] }, { required: ["flags"] }] } },
          required: ["ipvs"],
        },
      },
    },
    required: ["ports"],
  },
}));

/** (ajv 8 may take an empty list for one that contains something.) */
function haveFlagOf(scheduler: string): { readonly properties: Readonly<Record<string, unknown>> } {
  return {
    properties: {
      flags: { minItems: 1, contains: { enum: [`${scheduler}-fallback`, `${scheduler}-port`] } },
    },
  };
}

/** A service's `ipvs` as the schema reads it. */
export type FileIpvs = z.output<ReturnType<typeof ipvsSchema>>;
/** A port's. */
export type FilePortIpvs = z.output<ReturnType<typeof portIpvsSchema>>;
