import type { Finding } from "./finding.ts";

const OLDEST_MAJOR = 22;
const OLDEST_MINOR = 20;

/**
 * Judges the Node that runs this command and the user it runs as.
 *
 * @param nodeVersion such as "26.10.0"
 * @param userId effective user number; undefined where the platform has none
 */
export function examineProgram(
  nodeVersion: string,
  userId: number | undefined,
): readonly Finding[] {
  const findings: Finding[] = [];
  const [major = 0, minor = 0] = nodeVersion.split(".").map(Number);
  if (major < OLDEST_MAJOR || (major === OLDEST_MAJOR && minor < OLDEST_MINOR)) {
    findings.push({
      severity: "error",
      what: `Node ${nodeVersion} is too old`,
      where: "this command",
      why: `Agents and the command need Node ${OLDEST_MAJOR}.${OLDEST_MINOR} or newer; older ones lack the hybrid key exchange.`,
      remedy: "Start it as ./bin/tautline, which brings its own Node, or install a newer one.",
    });
  }
  if (userId === 0) {
    findings.push({
      severity: "warning",
      what: "This runs as root",
      where: "this command, and what it starts",
      why: "Central and agents need no rights of root; a mistake in either would have all of them.",
      remedy:
        "Make a user of their own, give it the data folders (chown -R), and run central and agent as that user.",
    });
  }
  return findings;
}
