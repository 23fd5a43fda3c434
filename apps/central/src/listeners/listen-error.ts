import { formatHostPort } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";

/** Which listener of ours could not listen, where, and how to move it. */
export interface ListenPlace {
  readonly listener: "agents'" | "console's" | "plaintext" | "receiver's" | "receiver's plaintext";
  readonly host: string;
  readonly port: number;
  readonly flag: "--agents-port" | "--console-port" | "--plaintext-port" | "--port";
}

/**
 * Names why a port cannot be listened on.
 *
 * @param error what listening threw
 * @param place which listener
 * @returns central.address_in_use or central.cannot_listen; what the operating system did not say is passed on as it is
 */
export function explainListenError(error: unknown, place: ListenPlace): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== "string") return error;
  const { listener, host, port, flag } = place;
  const address = formatHostPort(host, port);
  if (code === "EADDRINUSE") {
    const detail = { listener, address, flag };
    return new TautlineError("central.address_in_use", { cause: error, detail });
  }
  const flags = `${flag}, --host`;
  const detail = { listener, address, reason: REASONS[code] ?? code, flag: flags };
  return new TautlineError("central.cannot_listen", { cause: error, detail });
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not take that port",
  EPERM: "this user may not take that port",
  EADDRNOTAVAIL: "it is no address of this host",
  ENOTFOUND: "the name is not known",
  EAI_AGAIN: "the name server does not answer",
  EAFNOSUPPORT: "this host does not speak that kind of address",
  EINVAL: "it is no address to listen on",
};
