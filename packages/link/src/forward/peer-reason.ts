import {
  decodeForwardReason,
  ERROR_CATALOGUE,
  type ErrorCode,
  TautlineError,
} from "@tautline/protocol";

/** An error that the other end of a forward's link caused, and gave its reason for. */
export type PeerReasonCode = "forward.refused" | "forward.reset" | "forward.closed";

/**
 * Reads why the other end refused, reset or closed.
 *
 * @param code what it did
 * @param payload of its frame
 * @param detail who it is, and what was refused
 * @returns an error with detail {address, code, text, remedy}: a claim, to be shown and not acted on; `code` is "no code" where it gave none that is known here
 * @throws forward.malformed
 */
export function peerReason(
  code: PeerReasonCode,
  payload: Uint8Array,
  detail: Readonly<Record<string, string>>,
): TautlineError {
  const problem = decodeForwardReason(payload);
  return new TautlineError(code, {
    detail: {
      ...detail,
      code: problem.code ?? "no code",
      text: problem.detail,
      remedy: problem.remedy ?? "Read the log of the other end at the same second.",
    },
  });
}

/**
 * The other end's own code in a forward.refused, forward.reset or forward.closed; it is a claim of that end.
 *
 * @returns undefined for other errors, and where it gave none that is known here
 */
export function peerReasonCode(error: TautlineError): ErrorCode | undefined {
  const code = error.code.startsWith("forward.") ? error.detail["code"] : undefined;
  return typeof code === "string" && Object.hasOwn(ERROR_CATALOGUE, code)
    ? (code as ErrorCode)
    : undefined;
}
