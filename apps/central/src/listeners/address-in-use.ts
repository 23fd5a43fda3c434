import { formatHostPort } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";

/**
 * Names a port that another program holds; any other failure to listen passes through.
 *
 * @param error what listening threw
 * @param at which listener of ours, and the flag that moves it
 */
export function addressInUse(
  error: unknown,
  at: {
    readonly listener: string;
    readonly host: string;
    readonly port: number;
    readonly flag: string;
  },
): unknown {
  if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") return error;
  const address = formatHostPort(at.host, at.port);
  const { listener, flag } = at;
  return new TautlineError("central.address_in_use", {
    cause: error,
    detail: { listener, address, flag },
  });
}
