import { DEFAULT_AGENT_SETTINGS } from "@tautline/protocol";
import type {
  AgentIdentity,
  CandidateState,
  CommittedState,
  JoiningState,
  JoinTicket,
} from "../src/settings/agent-state.ts";

/** One of each state, of the same agent; the certificates are only text. */
export const sampleTicket: JoinTicket = {
  addresses: ["central.example:9150"],
  pins: ["cGlu"],
  trustDomain: "fleet.test",
  namespace: "default",
  tokenId: "first",
  secret: "c2VjcmV0LW9mLXRoZS10b2tlbg",
};

export const sampleIdentity: AgentIdentity = {
  namespace: "default",
  trustDomain: "fleet.test",
  clientChainPem: "client chain",
  serverChainPem: "server chain",
  rootsPem: "roots",
  instructorKeyPem: "instructor",
  signerEpoch: 3,
  addresses: ["central.example:9150"],
  offerHash: "00ff",
};

const known = {
  agentId: "0190a000-0000-7000-8000-000000000001",
  name: "web-1",
  keys: { client: "PRIVATE client", server: "PRIVATE server" },
};

export const sampleJoining: JoiningState = { state: "joining", ...known, ticket: sampleTicket };

/** The same agent, as it waits until an operator approves. */
export const samplePending: JoiningState = {
  ...sampleJoining,
  decision: { answer: "pending", code: "7Q2-0KX", sinceMs: 500 },
};

export const sampleCandidate: CandidateState = {
  state: "candidate",
  ...known,
  ticket: sampleTicket,
  identity: sampleIdentity,
  renewAtMs: 1_000,
};

export const sampleCommitted: CommittedState = {
  state: "committed",
  ...known,
  identity: sampleIdentity,
  last: { epoch: 3, seq: 0n, configHash: undefined, settings: DEFAULT_AGENT_SETTINGS },
  renewal: { counter: 0n, askedCounter: 0n, made: 0, renewAtMs: 1_000 },
};

/** The same agent as central moves: new addresses came and are not proven yet. */
export const sampleMoving: CommittedState = {
  ...sampleCommitted,
  last: { ...sampleCommitted.last, seq: 9n },
  move: { addresses: ["new.example:9150"], epoch: 3, seq: 9n },
};

/** The same agent as it asks for its next identity. */
export const sampleAsking: CommittedState = {
  ...sampleCommitted,
  renewal: {
    ...sampleCommitted.renewal,
    askedCounter: 1n,
    next: { counter: 1n, keys: { client: "PRIVATE next client", server: "PRIVATE next server" } },
  },
};

/** The same agent with its next identity granted and not proven. */
export const sampleGranted: CommittedState = {
  ...sampleAsking,
  renewal: {
    ...sampleAsking.renewal,
    next: {
      counter: 1n,
      keys: { client: "PRIVATE next client", server: "PRIVATE next server" },
      granted: {
        identity: { ...sampleIdentity, clientChainPem: "next client chain" },
        renewAtMs: 2_000,
      },
    },
  },
};
