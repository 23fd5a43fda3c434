import type { Duplex } from "node:stream";
import type { CertificateMark, SecuredProgram } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import type { Admission } from "../control/admission.ts";
import type { AgentCaller } from "../control/caller.ts";
import type { OpenConnections } from "../control/open-connections.ts";
import { challengeOf } from "../control/proof-challenge.ts";
import type { Refusals } from "../control/refusals.ts";
import type { SecuredConnection } from "../listeners/secured-connection.ts";
import { judgeCallerUnderPolicy, type JudgingBook } from "../policy/policy-judge.ts";
import { shownAddress } from "../sources/remote-network.ts";
import type { ReceiverDoor, ReceiverLink } from "./caller.ts";
import type { ProgramIdentity } from "./program-callers.ts";

/** What finding out who is there needs. */
export interface IdentifyDeps {
  readonly admission: Pick<Admission, "admit">;
  readonly connections: Pick<OpenConnections, "admit">;
  /** The record of a program's certificate; throws why it is not let in. */
  readonly findProgram: (mark: CertificateMark) => Promise<ProgramIdentity>;
  readonly policies: { readonly book: JudgingBook };
  readonly refusals: Pick<Refusals, "note">;
  readonly now: () => number;
}

/** A connection on which calls will come. */
export interface ArrivedLink {
  readonly stream: Duplex;
  readonly connection: SecuredConnection;
  readonly door: ReceiverDoor;
}

/** Who is there, and as which caller an agent was let in. */
export interface IdentifiedLink {
  readonly link: ReceiverLink;
  readonly caller: AgentCaller | undefined;
}

/**
 * Finds out who is at the other end: an agent by its recorded certificate and all the rules of its other links; a program by the one
 * that central issued for it; a client of an existing PKI; whoever holds a shared key; or nobody, who may still show a token with each call.
 *
 * @param deps records, policy
 * @param arrived the connection
 * @throws the refusal, noted already: pki.chain_* for a certificate of another authority, receiver.program_*, admission.*, policy.*
 */
export async function identifyLink(
  deps: IdentifyDeps,
  { stream, connection, door }: ArrivedLink,
): Promise<IdentifiedLink> {
  const { evidence, key, refusal, foreign, mark, program } = connection;
  const remoteAddress = shownAddress(connection.remoteAddress);
  if (program !== undefined) return admitProgram(deps, program, { door, remoteAddress });
  if (refusal !== undefined) {
    await deps.refusals.note(refusal, { evidence, remoteAddress, linkKind: "receiver" });
    throw refusal;
  }
  const facts = { door, evidence, remoteAddress, mark };
  const isAgent = evidence.level === "mtls" && foreign === undefined;
  if (isAgent)
    return admitAgent(deps, { stream, connection: { ...connection, remoteAddress }, door });
  const found: Pick<ReceiverLink, "identity" | "certificateEndsMs"> =
    foreign !== undefined
      ? { identity: { kind: "foreign", peer: foreign }, certificateEndsMs: foreign.expiresAtMs }
      : key !== undefined
        ? { identity: { kind: "key", ...key }, certificateEndsMs: undefined }
        : { identity: { kind: "nobody" }, certificateEndsMs: undefined };
  return { link: { ...facts, ...found }, caller: undefined };
}

/** The control link refuses its certificate, for it names no agent; calls of telemetry are what a program has it for. */
async function admitProgram(
  { findProgram, refusals }: IdentifyDeps,
  { evidence, expiresAtMs: certificateEndsMs, mark }: SecuredProgram,
  facts: Pick<ReceiverLink, "door" | "remoteAddress">,
): Promise<IdentifiedLink> {
  try {
    const identity = await findProgram(mark);
    return {
      link: { ...facts, evidence, mark, identity, certificateEndsMs },
      caller: undefined,
    };
  } catch (error) {
    const { remoteAddress } = facts;
    await refusals.note(error, { evidence, remoteAddress, linkKind: "receiver" });
    throw error;
  }
}

async function admitAgent(
  deps: IdentifyDeps,
  { stream, connection, door }: ArrivedLink,
): Promise<IdentifiedLink> {
  const challenge = challengeOf(stream, deps.now);
  const isElsewhere = door !== "agents";
  const arrival = { ...connection, authorization: undefined, proof: undefined, challenge };
  const caller = await deps.connections.admit(
    { socket: stream, kind: "receiver", isElsewhere },
    async () => {
      const judged = await deps.admission.admit(arrival);
      const lack = judgeCallerUnderPolicy(deps.policies.book, judged, { kind: "receiver" });
      if (lack === undefined) return judged;
      const provenId = judged.kind === "agent" ? judged.agent.id : undefined;
      const { evidence, remoteAddress } = judged;
      await deps.refusals.note(lack, { evidence, remoteAddress, provenId, linkKind: "receiver" });
      throw lack;
    },
  );
  if (caller.kind !== "agent") throw new TautlineError("internal.unexpected");
  return { link: linkOfAgent(caller, door, connection.mark), caller };
}

/**
 * A link of an agent that was let in.
 *
 * @param caller as the admission found it
 * @param door by which it came
 * @param mark of the certificate that it showed, if it did
 */
export function linkOfAgent(
  { agent, evidence, remoteAddress, expiresAtMs }: AgentCaller,
  door: ReceiverDoor,
  mark?: ReceiverLink["mark"],
): ReceiverLink {
  const { id, namespace } = agent;
  const spiffeId = evidence.peerId ?? "";
  const identity = { kind: "agent", id, namespace, spiffeId } as const;
  return { door, evidence, remoteAddress, identity, certificateEndsMs: expiresAtMs, mark };
}
