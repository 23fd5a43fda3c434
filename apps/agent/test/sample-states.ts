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

export const sampleCandidate: CandidateState = {
  state: "candidate",
  ...known,
  ticket: sampleTicket,
  identity: sampleIdentity,
};

export const sampleCommitted: CommittedState = {
  state: "committed",
  ...known,
  identity: sampleIdentity,
  last: { epoch: 3, seq: 0n, configHash: undefined, settings: DEFAULT_AGENT_SETTINGS },
};
