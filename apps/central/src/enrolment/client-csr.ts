import { type AgentToServer, type ErrorCode, LIMITS, TautlineError } from "@tautline/protocol";

/**
 * Reads the request for a client certificate out of OpAMP's own field; bounded, and not yet understood.
 *
 * @param message decoded
 * @param code of the refusal; its sentence has a `{reason}`
 * @returns PKCS#10 in PEM, if it is what it should be
 * @throws the given code
 */
export function clientCsrOf(message: AgentToServer, code: ErrorCode): string {
  const malformed = (reason: string): TautlineError =>
    new TautlineError(code, { detail: { reason } });
  const csr = message.connectionSettingsRequest?.opamp?.certificateRequest?.csr;
  if (csr === undefined || csr.length === 0)
    throw malformed("the message carries no certificate request");
  if (csr.length > LIMITS.csrBytes.value)
    throw malformed(`the certificate request has ${csr.length} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(csr);
  } catch {
    throw malformed("the certificate request is not PEM text");
  }
}
