/* Equipment: callers in plaintext from chosen addresses of this host. No tests of its own. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { openPromotion } from "@tautline/pki";
import { toJson } from "@bufbuild/protobuf";
import {
  CAPABILITY_PROMOTION,
  decodePromotionOffer,
  type PromotionOffer,
  ServerToAgentSchema,
} from "@tautline/protocol";
import { admin, openLink, type OpampLink, type TestCentral } from "../fixture-central.test.ts";
import { described, messageOf } from "../control/fixture-messages.test.ts";

/** Where stranded agents of these tests are, and where others are. */
export const SITE = "127.0.0.2";
export const ELSEWHERE = "127.0.0.3";

/** A re-opening as the API shows it. */
export interface ShownReopening {
  readonly id: number;
  readonly from: readonly string[];
  readonly endedAt: string | null;
  readonly endedBy: string;
  readonly told: number;
}

const PATH = "/api/v1/policy/reopenings";

/** Opens plaintext to some ranges. */
export function reopen(
  test: TestCentral,
  from: readonly string[] = [`${SITE}/32`],
  forMs = 3_600_000,
): Promise<ShownReopening> {
  return admin(test, "POST", PATH, { from, forMs });
}

/** Ends a re-opening. */
export function endReopening(test: TestCentral, id: number): Promise<ShownReopening> {
  return admin(test, "POST", `${PATH}/${id}/end`);
}

/** A re-opening with whom it has told. */
export function shownReopening(
  test: TestCentral,
  id: number,
): Promise<ShownReopening & { readonly agents: readonly { id: string; address: string }[] }> {
  return admin(test, "GET", `${PATH}/${id}`);
}

interface ShownListener {
  readonly name: string;
  readonly bind: string;
  readonly addresses: readonly string[];
  readonly levels: readonly string[];
  readonly reopened: boolean;
}

/** The plaintext listener. */
export async function plaintextOf(test: TestCentral): Promise<ShownListener & { port: number }> {
  const { items } = await admin<{ items: ShownListener[] }>(test, "GET", "/api/v1/listeners");
  const found = items.find(({ name }) => name === "plaintext");
  assert.ok(found);
  return { ...found, port: Number(found.addresses[0]?.split(":").at(-1) ?? 0) };
}

/** A connection from one of this host's addresses. */
export async function dialFrom(port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** A control link from one of this host's addresses, at the plaintext port. */
export async function linkFrom(test: TestCentral, from: string, port?: number): Promise<OpampLink> {
  const at = port ?? (await plaintextOf(test)).port;
  return openLink(test, await dialFrom(at, from));
}

/** Says who it is, and reads what it is told. */
export async function toldTo(link: OpampLink, id: string, name = "hub-7"): Promise<PromotionOffer> {
  link.send(messageOf(id, 1, described({ "tautline.name": name })));
  const answer = await link.next();
  const { customMessage } = answer;
  assert.equal(customMessage?.capability, CAPABILITY_PROMOTION);
  // Besides the id and what central can do there is nothing in it.
  const fields = Object.keys(toJson(ServerToAgentSchema, answer) ?? {}).toSorted();
  assert.deepEqual(fields, ["capabilities", "customMessage", "instanceUid"]);
  return openPromotion(decodePromotionOffer(customMessage.data));
}
