import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { createKeyPair, exportPrivateKey, exportPublicKey, readCsr } from "@tautline/pki";
import {
  agentIdToBytes,
  decodeAgentToServer,
  encodeServerToAgent,
  decodeServerToAgent,
  encodeEnrolmentGrant,
  decodeEnrolmentGrant,
  decodeEnrolmentRequest,
  isTautlineError,
  LIMITS,
  ServerToAgentSchema,
  TLSConnectionSettingsSchema,
  type ConnectionSettingsOffers,
  type EnrolmentGrant,
  type OpAMPConnectionSettings,
} from "@tautline/protocol";
import { createTestAuthority, grantJoin } from "@tautline/testing";
import type { JoiningState } from "../settings/agent-state.ts";
import { createAgentKeys } from "./agent-keys.ts";
import { checkGrant, type GrantParts } from "./grant-check.ts";
import { encodeJoinRequest } from "./join-request.ts";

const MAX_BYTES = LIMITS.opampMessageBytes.value;
const ID = "0190a000-0000-7000-8000-000000000001";
const OTHER_ID = "0190a000-0000-7000-8000-00000000beef";
const authority = createTestAuthority();
const foreign = createTestAuthority();
const state: JoiningState = {
  state: "joining",
  agentId: ID,
  name: "web-1",
  keys: createAgentKeys(),
  ticket: {
    addresses: ["a:1"],
    pins: [authority.rootPin.toString("base64url")],
    trustDomain: "fleet.test",
    namespace: "default",
    tokenId: "t",
    secret: "c2VjcmV0",
  },
};
const host = {
  hostName: "h",
  osType: "linux",
  startedAtMs: 0,
  upgrade: "remote",
  instructions: [],
} as const;

/** What central would grant for this state's request, over the wire and back. */
function granted({
  by = authority,
  of = state,
  namespace = "default",
  change = {},
}: {
  by?: typeof authority;
  of?: JoiningState;
  namespace?: string;
  change?: Partial<EnrolmentGrant>;
} = {}): GrantParts {
  const request = decodeAgentToServer(encodeJoinRequest(of, host), MAX_BYTES);
  const answer = grantJoin(request, { authority: by, namespace, addresses: ["a:1"], change });
  const bytes = encodeServerToAgent(create(ServerToAgentSchema, answer));
  const { connectionSettings, customMessage } = decodeServerToAgent(bytes, MAX_BYTES);
  return { offer: connectionSettings, grant: customMessage?.data ?? new Uint8Array() };
}

/** Changes OpAMP's half of an honest grant. */
function altered(
  change: (opamp: OpAMPConnectionSettings, offer: ConnectionSettingsOffers) => void,
): GrantParts {
  const parts = granted();
  const { offer } = parts;
  assert.ok(offer?.opamp !== undefined);
  change(offer.opamp, offer);
  return parts;
}

test("an honest grant is taken over whole: identity, roots, instructor, addresses, name", () => {
  const { identity, name } = checkGrant(granted(), state, Date.now());
  assert.equal(name, "web-1");
  assert.equal(identity.namespace, "default");
  assert.equal(identity.rootsPem, authority.rootPem);
  assert.equal(identity.instructorKeyPem, authority.instructorKeyPem);
  assert.deepEqual(identity.addresses, ["a:1"]);
  assert.match(identity.offerHash, /^[0-9a-f]{64}$/);
});

/** Name and both keys of a request, as central reads them. */
function pinsOf(): string[] {
  const request = decodeAgentToServer(encodeJoinRequest(state, host), MAX_BYTES);
  assert.deepEqual(request.instanceUid, agentIdToBytes(ID));
  const client = request.connectionSettingsRequest?.opamp?.certificateRequest?.csr;
  const { serverCsrPem, name } = decodeEnrolmentRequest(
    request.customMessage?.data ?? new Uint8Array(),
  );
  const pems = [new TextDecoder().decode(client), serverCsrPem];
  return [name, ...pems.map((pem) => readCsr(pem, { agentId: ID }).pin.toString("hex"))];
}

test("F3: a repeated request is the same request: same id, same keys, same name", () => {
  assert.deepEqual(pinsOf(), pinsOf());
  assert.equal(new Set(pinsOf()).size, 3);
});

const otherKeys: JoiningState = { ...state, keys: createAgentKeys() };
const otherId: JoiningState = { ...state, agentId: OTHER_ID };
const HOSTILE: [name: string, parts: () => GrantParts, reason: RegExp][] = [
  ["A10: another root", () => granted({ by: foreign }), /not a pinned root/],
  [
    "A10: a second root beside the pinned one",
    () => granted({ change: { rootsPem: authority.rootPem + foreign.rootPem } }),
    /not a pinned root/,
  ],
  [
    "certificates of another root under the pinned one's name",
    () => granted({ by: foreign, change: { rootsPem: authority.rootPem } }),
    /./,
  ],
  ["A12: certificates for another agent's id", () => granted({ of: otherId }), /./],
  ["certificates for other keys", () => granted({ of: otherKeys }), /not for this agent's key/],
  ["another namespace", () => granted({ namespace: "other" }), /another namespace/],
  [
    "certificates of another namespace than the grant says",
    () => granted({ namespace: "other", change: { namespace: "default" } }),
    /./,
  ],
  [
    "another trust domain",
    () => granted({ change: { trustDomain: "evil.test" } }),
    /another trust domain/,
  ],
  ["A16: client and server certificate swapped", () => swapped(), /./],
  [
    "an instructor key that signs no messages",
    () =>
      granted({ change: { instructorKeyPem: exportPublicKey(createKeyPair("p256").publicKey) } }),
    /not Ed25519/,
  ],
  [
    "an instructor's private key",
    () =>
      granted({
        change: { instructorKeyPem: exportPrivateKey(createKeyPair("ed25519").privateKey) },
      }),
    /./,
  ],
  [
    "a private key for the agent",
    () =>
      altered(({ certificate }) => {
        if (certificate !== undefined) certificate.privateKey = Buffer.from("PRIVATE");
      }),
    /private key/,
  ],
  [
    "an order to skip the proof of central",
    () =>
      altered((opamp) => {
        opamp.tls = create(TLSConnectionSettingsSchema, { insecureSkipVerify: true });
      }),
    /skip the proof/,
  ],
  [
    "a plaintext endpoint",
    () =>
      altered((opamp) => {
        opamp.destinationEndpoint = "ws://a:1/v1/opamp";
      }),
    /not secured by TLS/,
  ],
  [
    "no client certificate",
    () => altered((opamp) => delete opamp.certificate),
    /no client certificate/,
  ],
  [
    "an endless hash",
    () =>
      altered((_, offer) => {
        offer.hash = new Uint8Array(65);
      }),
    /hash is too long/,
  ],
  ["no grant at all", () => ({ ...granted(), grant: Uint8Array.of(0xff) }), /./],
];
for (const [name, parts, reason] of HOSTILE) {
  test(`a grant with ${name} is refused`, () => {
    assert.throws(
      () => checkGrant(parts(), state, Date.now()),
      (error) =>
        isTautlineError(error) &&
        error.code === "agent.grant_refused" &&
        reason.test(error.message),
    );
  });
}

test("certificates that are over, by this host's clock, are refused", () => {
  assert.throws(
    () => checkGrant(granted(), state, Date.now() + 48 * 60 * 60_000),
    (error) => isTautlineError(error) && error.code === "agent.grant_refused",
  );
});

function swapped(): GrantParts {
  const honest = granted();
  const grant = decodeEnrolmentGrant(honest.grant);
  const client = honest.offer?.opamp?.certificate?.cert ?? new Uint8Array();
  const serverChainPem = new TextDecoder().decode(client);
  return { ...honest, grant: encodeEnrolmentGrant({ ...grant, serverChainPem }) };
}
