import { z } from "zod";
import type { ApiDeps } from "../api-deps.ts";
import { levelField, roleField, timeField } from "../fields.ts";
import { defineVerb, type Verb } from "../verb.ts";

const status = z.strictObject({
  version: z.string(),
  trustDomain: z.string(),
  startedAt: timeField,
  dataDir: z.string(),
  agents: z.string().describe("Where agents dial."),
  plaintext: z.string().nullable().describe("Where links without any protection are accepted."),
  console: z.string().describe("Where this API is."),
  rootPin: z.string().describe("SHA-256 of the root's public key, in hexadecimal."),
  counts: z.strictObject({ agents: z.int(), links: z.int(), tokens: z.int() }),
  receiver: z
    .strictObject({
      addresses: z.array(z.string()),
      backends: z.strictObject({ ready: z.int(), idle: z.int(), out: z.int() }),
      links: z.array(z.strictObject({ level: levelField, links: z.int() })),
    })
    .describe("Telemetry: where it is taken, how its backends are, its links by level."),
});

const vaultStatus = z.strictObject({
  keyVersion: z.int(),
  source: z.string(),
  where: z.string(),
  strength: z.string(),
  finding: z.looseObject({}).optional(),
});

const whoami = z.strictObject({
  name: z.string(),
  role: roleField,
  namespace: z.string().nullable().describe("Null: every namespace."),
});

/** The verbs about central itself, and about the caller. */
export function statusVerbs(deps: ApiDeps): readonly Verb[] {
  return [
    defineVerb({
      method: "GET",
      path: "/api/v1/status",
      summary: "Show the running central at a glance",
      role: "viewer",
      answer: status,
      reach: "central",
      run: () => deps.status(),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/vault",
      summary: "Show how the secrets at rest are sealed",
      role: "admin",
      answer: vaultStatus,
      reach: "central",
      run: () => deps.vault.status(),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/whoami",
      summary: "Show whose token this request carries",
      role: "viewer",
      answer: whoami,
      reach: "nothing",
      run: (_input, { name, role, namespace }) => ({
        name,
        role,
        namespace: namespace === "" ? null : namespace,
      }),
    }),
  ];
}
