import { z } from "zod";
import type { ClaimSighting, RefusalSighting } from "../../receiver/sightings.ts";
import type { ApiDeps } from "../api-deps.ts";
import { timeField } from "../fields.ts";
import { defineVerb, type Verb } from "../verb.ts";

const refusal = z.strictObject({
  code: z.string(),
  sentence: z.string().describe("As the last one was told."),
  remedy: z.string(),
  count: z.int(),
  firstAt: timeField,
  lastAt: timeField,
  from: z.array(z.string()).describe("Where they came from last."),
});

const claim = z.strictObject({
  claimant: z.string(),
  backend: z.string(),
  claimed: z.string(),
  refused: z.boolean().describe("False: it was logged, and went through."),
  count: z.int(),
  lastAt: timeField,
});

const token = z.strictObject({
  client: z.string(),
  id: z.string(),
  expiresAt: timeField,
  usedAt: timeField.describe("By a call to this process."),
});

const seen = z.strictObject({
  refusals: z.array(refusal).describe("Callers that were refused, by code."),
  claims: z.array(claim).describe("What telemetry claimed to be and may not."),
  tokens: z.array(token).describe("Good tokens of clients that are used."),
});

/** What the receiver has seen within a day, as this process knows it (SWP-5). */
export function receiverVerbs({ receiver }: Pick<ApiDeps, "receiver">): readonly Verb[] {
  return [
    defineVerb({
      method: "GET",
      path: "/api/v1/receiver",
      summary:
        "Show what the receiver has seen within a day: who was refused, and which tokens are used",
      role: "viewer",
      answer: seen,
      reach: "central",
      run: async () => ({
        refusals: receiver.sightings.refusals().map(shownRefusal),
        claims: receiver.sightings.claims().map(shownClaim),
        tokens: await usedTokens(receiver),
      }),
    }),
  ];
}

function shownRefusal(seenOne: RefusalSighting) {
  const { code, sentence, remedy, count, firstMs, lastMs, from } = seenOne;
  const times = { firstAt: timeOf(firstMs), lastAt: timeOf(lastMs) };
  return { code, sentence, remedy, count, ...times, from: [...from] };
}

function shownClaim({ claimant, backend, claimed, isRefused, count, lastMs }: ClaimSighting) {
  return { claimant, backend, claimed, refused: isRefused, count, lastAt: timeOf(lastMs) };
}

async function usedTokens({ clients, sightings }: ApiDeps["receiver"]) {
  const all = await clients.list();
  return all.flatMap(({ name: client, tokens }) =>
    tokens
      .filter(({ state }) => state === "good")
      .flatMap(({ id, expiresAt }) => {
        const usedMs = sightings.usedMs(id);
        return usedMs === undefined ? [] : [{ client, id, expiresAt, usedAt: timeOf(usedMs) }];
      }),
  );
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
