import type { Level } from "@tautline/protocol";
import { noHost, PLAINTEXT_PORT, readHost, SECURE_PORT } from "./old-address.ts";
import { shownName, type OldFinding } from "./old-finding.ts";
import type { PairSources, Spoken } from "./pair-sources.ts";

/** Where the other end of an old pair is. */
export interface PairAddress {
  /** "host:port", at most one. */
  readonly addresses: readonly string[];
  readonly findings: readonly OldFinding[];
}

/**
 * Decides where an old agent finds central: its collector's host, at the port that central listens on. The port of the old
 * protocol is not taken over, so that both ends agree whatever their files say.
 *
 * @param sources what agent.properties says
 * @param level that the pair speaks
 * @throws config.old_setting: no host
 */
export function decideAddress({ file, spoken }: PairSources, level: Level): PairAddress {
  const port = level === "plaintext" ? PLAINTEXT_PORT : SECURE_PORT;
  const moved = movedPort(file, spoken.get("collector.port"), port);
  const host = spoken.get("collector.host");
  if (host === undefined) return { addresses: [], findings: [...moved, noHost(file)] };
  const name = readHost(file, host.value.trim(), host.place);
  return { addresses: [`${name}:${port}`], findings: moved };
}

/**
 * Says that a port of the old protocol is not taken over.
 *
 * @param file the old file
 * @param spoken the old port, if there is one
 * @param port where agents are accepted now
 */
export function movedPort(file: string, spoken: Spoken | undefined, port: number): OldFinding[] {
  if (spoken === undefined || spoken.value.trim() === String(port)) return [];
  return [
    {
      severity: "info",
      file,
      line: spoken.line,
      what: `Port ${shownName(spoken.value.trim())} was the old protocol's; central listens on ${port} for this level`,
      why: "A firewall that let the old port through may not let the new one through.",
      remedy: `Let TCP ${port} through, or set another port at both ends.`,
    },
  ];
}
