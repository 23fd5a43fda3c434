import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  decodeAgentToServer,
  decodeJoinToken,
  decodeServerToAgent,
  encodeJoinToken,
  encodeServerToAgent,
  isTautlineError,
  LIMITS,
  ServerToAgentSchema,
  type EnrolmentGrant,
  type ServerToAgent,
} from "@tautline/protocol";
import { createTestAuthority, grantJoin } from "@tautline/testing";
import { takeGrant } from "./grant.ts";
import { createSelf } from "./simulated-identity.ts";
import { encodeJoin } from "./status-message.ts";

const MAX_BYTES = LIMITS.opampMessageBytes.value;
const authority = createTestAuthority();
const stranger = createTestAuthority();
const world = { now: Date.now, randomBytes };
const self = createSelf(1, world);
const other = createSelf(2, world);
const token = decodeJoinToken(
  encodeJoinToken({
    addresses: ["127.0.0.1:1"],
    pins: [authority.rootPin],
    trustDomain: authority.trustDomain,
    namespace: "default",
    tokenId: "t",
    secret: new Uint8Array(32),
  }),
);

function granted({
  by = authority,
  to = self,
  namespace = "default",
  change = {},
}: {
  by?: typeof authority;
  to?: typeof self;
  namespace?: string;
  change?: Partial<EnrolmentGrant>;
} = {}): ServerToAgent {
  const request = decodeAgentToServer(encodeJoin(to), MAX_BYTES);
  const answer = grantJoin(request, { authority: by, namespace, addresses: ["a:1"], change });
  return decodeServerToAgent(encodeServerToAgent(create(ServerToAgentSchema, answer)), MAX_BYTES);
}

function take(message: ServerToAgent): ReturnType<typeof takeGrant> {
  return takeGrant(message, self, {
    token,
    address: "127.0.0.1:1",
    nowMs: Date.now(),
    random: () => 0.5,
  });
}

test("an honest grant is taken: own id, own key, central's root", () => {
  const identity = take(granted());
  assert.equal(identity.id, self.id);
  assert.equal(identity.name, "swarm-1");
  assert.equal(identity.roots.length, 1);
  assert.match(identity.keyPem, /PRIVATE KEY/);
  assert.equal(identity.counter, 0n);
  assert.ok(Date.now() < identity.renewAtMs && identity.renewAtMs < identity.endsMs);
});

const REFUSED: [what: string, message: () => ServerToAgent][] = [
  ["A10: another root", () => granted({ by: stranger })],
  [
    "A10: a second root beside the pinned one",
    () => granted({ change: { rootsPem: authority.rootPem + stranger.rootPem } }),
  ],
  ["A12: certificates of another agent", () => granted({ to: other })],
  ["another namespace", () => granted({ namespace: "other" })],
  ["the number of another renewal", () => granted({ change: { renewalCounter: 7n } })],
  ["another trust domain", () => granted({ change: { trustDomain: "evil.test" } })],
  ["an instructor's key that is none", () => granted({ change: { instructorKeyPem: "x" } })],
  [
    "a server certificate of central's own",
    () => granted({ change: { serverChainPem: authority.central.chainPem } }),
  ],
];

for (const [what, message] of REFUSED) {
  test(`a grant with ${what} is refused`, () => {
    assert.throws(
      () => take(message()),
      (error) => isTautlineError(error) && error.code === "agent.grant_refused",
    );
  });
}

test("an answer without a grant is none", () => {
  const message = granted();
  delete message.customMessage;
  assert.throws(
    () => take(message),
    (error) => isTautlineError(error) && error.code === "agent.no_grant",
  );
});
