import { dialByFiles, parseHostPort } from "@tautline/link";
import { compareLevels, TautlineError } from "@tautline/protocol";
import type { TlsFiles } from "../tls-files/tls-files.ts";
import { AGENTS_PORT, type DialLimits } from "./dial-way.ts";
import type { Dial } from "./transport.ts";

/** What dialling by files needs beside the files. */
export interface FilesDialOptions extends DialLimits {
  /** Told when files that were put in place could not be taken; those before are dialled by. */
  readonly onProblem: (error: TautlineError) => void;
}

/**
 * Dials central by the files of an existing PKI (levels `tls` and `mtls`, SW-5 to SW-8). Before each dial it looks whether they have
 * changed, so the newest that can be read are used.
 *
 * The level is the files' own, and never sinks below what they gave before: a dial that would is refused.
 *
 * @param files as `openTlsFiles` gave them
 * @param options time, proxy
 */
export function filesDial(files: TlsFiles, options: FilesDialOptions): Dial {
  const { timeoutMs, now, proxyFor, crypto, onProblem } = options;
  let floor = files.value.level;
  return async (address, signal) => {
    if (files.look() === "refused" && files.problem !== undefined) onProblem(files.problem);
    const { level, trust, identity } = files.value;
    if (compareLevels(level, floor) < 0) {
      throw new TautlineError("agent.below_floor", { detail: { address, level, floor } });
    }
    floor = level;
    const target = parseHostPort(address, AGENTS_PORT);
    const proxy = proxyFor?.(target);
    return dialByFiles({ ...target, proxy, timeoutMs, now, signal, trust, identity, crypto });
  };
}
