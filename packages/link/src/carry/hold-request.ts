import { BodyHold } from "./body-hold.ts";
import type { MessageLook } from "./call.ts";
import { MessageHold } from "./message-hold.ts";
import type { RequestHold } from "./request-hold.ts";

/**
 * Makes what holds a request back.
 *
 * @param look at its messages or its body
 * @param isGrpc its body is a stream of messages
 * @returns undefined where nobody looks: nothing is held then
 */
export function holdRequest(
  look: MessageLook | undefined,
  isGrpc: boolean,
): RequestHold | undefined {
  if (look === undefined) return undefined;
  return isGrpc ? new MessageHold(look) : new BodyHold(look);
}
