import type { X509Certificate } from "node:crypto";
import { LEVELS, upgradeFor } from "@tautline/protocol";
import type { EndReport } from "./end-report.ts";
import { examineCertificate } from "./examine-certificates.ts";
import { judgeClock } from "./examine-clock.ts";
import type { Finding } from "./finding.ts";

/**
 * Judges what another end accepts.
 *
 * @param report what was seen
 * @param chain its certificates, leaf first
 * @param nowMs milliseconds since the epoch
 */
export function judgeEnd(
  report: EndReport,
  chain: readonly X509Certificate[],
  nowMs: number,
): readonly Finding[] {
  return [
    ...judgeLevelsThere(report),
    ...(report.tls13.accepted ? judgeSecurity(report) : []),
    ...judgeKey(report),
    ...judgeVersion(report),
    ...judgePlaintext(report),
    ...chain.flatMap((certificate, index) =>
      examineCertificate(
        {
          name: `${report.address}, certificate ${index + 1} of ${chain.length}`,
          notBefore: certificate.validFromDate.getTime(),
          notAfter: certificate.validToDate.getTime(),
          isAuthority: certificate.ca,
        },
        nowMs,
      ),
    ),
    ...judgeClock(report.clockOffsetMs, report.address),
  ];
}

/** A port of plaintext or of shared keys alone is no mistake. */
function judgeLevelsThere({
  address: where,
  tls13,
  levels,
  settings,
}: EndReport): readonly Finding[] {
  if (levels.some(({ state }) => state === "accepted")) return [];
  return [
    {
      severity: "error",
      what: tls13.accepted
        ? "No level is accepted there"
        : `TLS 1.3 is refused: ${tls13.refusal ?? "no reason"}`,
      where,
      why: "No level is known to be accepted there, so no agent can connect.",
      remedy:
        settings.central === null
          ? "See that the address is central's agents port and that no proxy ends TLS before it."
          : `At central: ${settings.central}.`,
    },
  ];
}

function judgeSecurity(report: EndReport): readonly Finding[] {
  const where = report.address;
  const findings: Finding[] = [];
  if (!report.groups.includes("X25519MLKEM768")) {
    findings.push({
      severity: "warning",
      what: "The hybrid key exchange X25519MLKEM768 is not accepted",
      where,
      why: "What is recorded today could be read by a quantum computer later.",
      remedy:
        "Run the other end under OpenSSL 3.5 or newer (Node 24.7 or newer), without a proxy that ends TLS.",
    });
  }
  if (report.tls12.accepted) {
    findings.push({
      severity: "warning",
      what: "TLS 1.2 is accepted there too",
      where,
      why: "A central of Tautline accepts TLS 1.3 only on this port: something else answers, or stands between.",
      remedy: "Compare the certificate shown above with 'tautline certs list' at central.",
    });
  }
  return findings;
}

function judgeKey({ address: where, levels }: EndReport): readonly Finding[] {
  const unproven = levels.filter(({ text }) => text.endsWith("was not proven"));
  return unproven.map(({ level, text, remedy }) => ({
    severity: "error",
    what: `At ${level}, ${text}`,
    where,
    why: "An agent with this key cannot connect at this level.",
    remedy: remedy ?? "Give both ends the same key.",
  }));
}

function judgeVersion({ address: where, offers }: EndReport): readonly Finding[] {
  const since = offers === null ? undefined : upgradeFor(offers.version, LEVELS);
  if (offers === null || since === undefined) return [];
  return [
    {
      severity: "warning",
      what: `Its version ${offers.version} is too old for some levels`,
      where,
      why: "Agents that are set to a level it does not know cannot connect.",
      remedy: `Upgrade it to >= ${since}.`,
    },
  ];
}

function judgePlaintext({ address: where, levels, plaintext }: EndReport): readonly Finding[] {
  const isServed = /^HTTP\/1\.[01] 2/.test(plaintext.line);
  const isAccepted = levels.some(
    ({ level, state }) => level === "plaintext" && state === "accepted",
  );
  if (!isServed && !isAccepted) return [];
  return [
    {
      severity: "warning",
      what: "It serves requests in plaintext",
      where,
      why: "Whoever is on the way reads and changes them.",
      remedy: "Use a secured port, or close plaintext there (plaintext.bind in central.yaml).",
    },
  ];
}
