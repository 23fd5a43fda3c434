import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { FORWARD_HEADER, FORWARD_PROTOCOL } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import type { AgentCaller, Caller } from "../control/caller.ts";
import type { UpgradedLink } from "./forward-service.ts";

/** A request to carry forwards, and its connection. */
export interface ForwardUpgrade extends Omit<UpgradedLink, "direction"> {
  readonly request: IncomingMessage;
}

/** Who may, and who takes the link. */
export interface ForwardDoor {
  /** @throws the refusal */
  readonly admit: (request: IncomingMessage, kind: "forward") => Promise<Caller>;
  readonly onForward: (caller: AgentCaller, link: UpgradedLink) => void;
}

/**
 * Answers a request to carry forwards over its connection (RFC 9110 section 7.8): only of an agent that proved its identity.
 *
 * @param deps who may, and who takes the link
 * @param upgrade the request, and its connection
 * @param said headers that central sends with every answer
 * @throws the refusal, before anything was answered: api.invalid, admission.identity_required, those of `admit`
 */
export async function acceptForward(
  { admit, onForward }: ForwardDoor,
  { request, socket, head }: ForwardUpgrade,
  said: () => Readonly<Record<string, string>>,
): Promise<void> {
  const { upgrade = "", [FORWARD_HEADER]: direction } = request.headers;
  if (upgrade.toLowerCase() !== FORWARD_PROTOCOL || (direction !== "out" && direction !== "in")) {
    const reason = `it takes 'Upgrade: ${FORWARD_PROTOCOL}' with '${FORWARD_HEADER}: out' or 'in'`;
    throw new TautlineError("api.invalid", { detail: { path: "upgrade", reason } });
  }
  const caller = await admit(request, "forward");
  if (caller.kind !== "agent") throw new TautlineError("admission.identity_required");
  answerSwitching(socket, said());
  onForward(caller, { socket, head, direction });
}

/**
 * Says that a connection carries another protocol from here on.
 *
 * @param socket over which that was asked for
 * @param said headers that go with it
 * @param protocol that of forwards unless told
 */
export function answerSwitching(
  socket: Duplex,
  said: Readonly<Record<string, string>>,
  protocol: string = FORWARD_PROTOCOL,
): void {
  const headers = { connection: "Upgrade", upgrade: protocol, ...said };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
}
