import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { RECEIVER_PROTOCOL } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import type { AgentCaller, Caller } from "../control/caller.ts";
import { answerSwitching } from "../forwards/accept-forward.ts";

/** A connection after its upgrade: HTTP/2 begins on it. */
export interface EdgeLink {
  readonly socket: Duplex;
  /** What came behind the upgrade already. */
  readonly head: Uint8Array;
}

/** Who may, and who takes the link. */
export interface EdgeDoor {
  /** @throws the refusal */
  readonly admit: (request: IncomingMessage, kind: "receiver") => Promise<Caller>;
  readonly onEdge: (caller: AgentCaller, link: EdgeLink) => void;
}

/**
 * Answers the request of an agent's edge to send telemetry over its connection (RFC 9110 section 7.8): only of an agent that proved its
 * identity, at whatever level its other links have.
 *
 * @param door who may, and who takes the link
 * @param upgrade the request, and its connection
 * @param said headers that central sends with every answer
 * @throws the refusal, before anything was answered: api.invalid, admission.identity_required, those of `admit`
 */
export async function acceptEdge(
  { admit, onEdge }: EdgeDoor,
  { request, ...link }: EdgeLink & { readonly request: IncomingMessage },
  said: () => Readonly<Record<string, string>>,
): Promise<void> {
  const { upgrade = "" } = request.headers;
  if (upgrade.toLowerCase() !== RECEIVER_PROTOCOL) {
    const reason = `it takes 'Upgrade: ${RECEIVER_PROTOCOL}'`;
    throw new TautlineError("api.invalid", { detail: { path: "upgrade", reason } });
  }
  const caller = await admit(request, "receiver");
  if (caller.kind !== "agent") throw new TautlineError("admission.identity_required");
  answerSwitching(link.socket, said(), RECEIVER_PROTOCOL);
  onEdge(caller, link);
}
