import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeldBytes, type MessageLook } from "@tautline/link";
import { isTautlineError } from "@tautline/protocol";
import type { HeldAllowance } from "./claim.ts";
import { type FoundBeyond, type LookedCall, lookAtClaims } from "./claim-look.ts";
import { field, otlpRequest } from "./fixture-messages.test.ts";

const PING = "/skywalking.v3.ManagementService/keepAlive";
const shopMay = (...services: string[]): HeldAllowance => ({
  claimant: "client:shop",
  services,
  instances: [],
});

interface Scene {
  readonly look: MessageLook | undefined;
  readonly beyond: FoundBeyond[];
  readonly claimed: string[];
}

function scene(changes: Partial<LookedCall> = {}): Scene {
  const beyond: FoundBeyond[] = [];
  const claimed: string[] = [];
  const look = lookAtClaims({
    head: { path: PING, isGrpc: true, headers: { "content-type": "application/grpc" } },
    backend: "oap",
    held: new HeldBytes(100),
    mode: "refuse",
    claimants: ["agent:1", "client:shop"],
    allowances: () => [shopMay("shop")],
    onFound: ({ claims }) => claimed.push(...claims.map(({ text }) => text)),
    onBeyond: (each) => beyond.push(each),
    ...changes,
  });
  return { look, beyond, claimed };
}

const unknown = { path: "/a.B/C", isGrpc: true, headers: {} };

const isUnreadable = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "receiver.claim_unreadable";

describe("lookAtClaims", () => {
  it("takes no look for a backend that does not ask, whatever the call is", () => {
    const { look, beyond } = scene({ mode: "off", head: unknown });
    assert.deepEqual([look, beyond], [undefined, []]);
  });

  it("refuses the first message that claims what its sender may not, and names it, its sender and the backend", () => {
    const { look, beyond, claimed } = scene();
    assert.equal(look?.message(field(1, "shop"), false), undefined);
    const refusal = look?.message(field(1, "victim\u202e"), false);
    assert.equal(refusal?.code, "receiver.claim_refused");
    assert.equal(refusal?.status, 403);
    assert.match(
      refusal?.message ?? "",
      /service 'victim\ufffd'.*backend 'oap'.*client:shop may not/,
    );
    assert.match(refusal?.remedy ?? "", /tautline clients allow client:shop --service/);
    assert.deepEqual(claimed, ["shop", "victim\u202e"]);
    assert.deepEqual(
      beyond.map(({ claimant, isInMessage }) => [claimant, isInMessage]),
      [["client:shop", true]],
    );
  });

  it("a list that changes while a stream runs counts with the next message", () => {
    let allowed = shopMay("shop");
    const { look } = scene({ allowances: () => [allowed] });
    assert.equal(look?.message(field(1, "shop"), false), undefined);
    allowed = shopMay("other");
    assert.equal(look?.message(field(1, "shop"), false)?.code, "receiver.claim_refused");
  });

  it("of several lists the one that does not allow it is named", () => {
    const agentMay = { claimant: "agent:1", services: ["a"], instances: [] };
    const { look, beyond } = scene({ allowances: () => [agentMay, shopMay("*")] });
    look?.message(field(1, "shop"), false);
    assert.equal(beyond[0]?.claimant, "agent:1");
    const none = scene({ allowances: () => [] });
    none.look?.message(field(1, "shop"), false);
    assert.equal(none.beyond[0]?.claimant, "client:shop");
  });

  it("where it is logged alone, each claim that is not allowed is told, and nothing is refused", () => {
    const head = {
      path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      isGrpc: true,
      headers: {},
    };
    const { look, beyond } = scene({ mode: "log", head });
    const request = otlpRequest(
      ["a", "shop", "b"].map((service) => [["service.name", service] as const]),
    );
    assert.equal(look?.message(request, false), undefined);
    assert.deepEqual(
      beyond.map(({ error }) => error.detail["claimed"]),
      ["a", "b"],
    );
  });

  it("what cannot be read is refused: of the head before anything is carried, of a message as it comes", () => {
    assert.throws(() => scene({ head: unknown }), isUnreadable);
    const { look, beyond } = scene();
    assert.equal(look?.message(Buffer.from([0xff]), false)?.code, "receiver.claim_unreadable");
    assert.deepEqual(
      beyond.map(({ isInMessage }) => isInMessage),
      [true],
    );
  });

  it("where it is logged alone, what cannot be read goes through, and nobody looks at what follows", () => {
    const { look, beyond } = scene({ mode: "log", head: unknown });
    assert.equal(look, undefined);
    assert.equal(beyond[0]?.error.code, "receiver.claim_unreadable");
    const damaged = scene({ mode: "log" });
    assert.equal(damaged.look?.message(Buffer.from([0xff]), false), undefined);
    assert.equal(damaged.beyond.length, 1);
  });
});
