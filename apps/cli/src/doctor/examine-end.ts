import type { X509Certificate } from "node:crypto";
import { formatHostPort, type HostPort, parseHostPort } from "@tautline/link";
import { examineCertificate } from "./examine-certificates.ts";
import { describeChain, type CertificateFacts } from "./certificate-facts.ts";
import type { Finding } from "./finding.ts";
import { judgeClock, readClockOffset } from "./examine-clock.ts";
import { attemptPlaintext, httpRequest, type PlaintextAttempt } from "./plaintext-attempt.ts";
import { attemptTls, type TlsAttempt } from "./tls-attempt.ts";

const AGENTS_PORT = 9150;
const ATTEMPT_TIMEOUT_MS = 5000;
const GROUPS = ["X25519MLKEM768", "X25519", "P-256", "P-384"] as const;

/** What another end accepts, as a document. */
export interface EndReport {
  readonly address: string;
  readonly tls13: HandshakeReport;
  readonly tls12: HandshakeReport;
  /** Key-exchange groups accepted when offered alone, in the order asked. */
  readonly groups: readonly string[];
  readonly asksForCertificate: boolean | null;
  readonly chain: readonly CertificateFacts[];
  /** Status line of the answer to an HTTP request without any credential. */
  readonly httpAnswer: string | null;
  /** The other clock minus this one; to the second, because HTTP's Date has no more. Null: it named no time. */
  readonly clockOffsetMs: number | null;
  readonly plaintext: { readonly answer: string; readonly line: string };
}

/** What came of one handshake; all null but `refusal` where it was refused. */
export interface HandshakeReport {
  readonly accepted: boolean;
  readonly cipher: string | null;
  readonly group: string | null;
  readonly refusal: string | null;
}

/**
 * Dials another end in every way it might accept, without any secret, and judges what it says.
 *
 * @param text host:port; port 9150 where it names none
 * @param now milliseconds since the epoch
 * @throws link.address_malformed, and link.unreachable where nothing answers at all
 */
export async function examineEnd(
  text: string,
  now: () => number,
): Promise<{ readonly report: EndReport; readonly findings: readonly Finding[] }> {
  const address = parseHostPort(text, AGENTS_PORT);
  const plaintext = await attemptPlaintext(address, ATTEMPT_TIMEOUT_MS);
  if (!plaintext.reached) throw plaintext.error;
  const request = httpRequest(address);
  const tls13 = await attemptTls(address, { version: "TLSv1.3", request }, ATTEMPT_TIMEOUT_MS);
  const nowMs = now();
  const tls12 = await attemptTls(address, { version: "TLSv1.2" }, ATTEMPT_TIMEOUT_MS);
  const best = tls13.ok ? tls13 : tls12;
  const chain = best.ok ? best.chain : [];
  const report: EndReport = {
    address: formatHostPort(address.host, address.port),
    tls13: handshakeReport(tls13),
    tls12: handshakeReport(tls12),
    groups: tls13.ok ? await acceptedGroups(address) : [],
    asksForCertificate: best.ok ? best.asksForCertificate : null,
    chain: describeChain(chain),
    httpAnswer: tls13.ok ? statusLine(tls13.answer) : null,
    clockOffsetMs: tls13.ok ? readClockOffset(tls13.answer, nowMs) : null,
    plaintext: { answer: plaintext.answer, line: plaintext.line },
  };
  return { report, findings: judgeEnd(report, chain, plaintext, nowMs) };
}

async function acceptedGroups(address: HostPort): Promise<readonly string[]> {
  const accepted: string[] = [];
  for (const group of GROUPS) {
    const attempt = await attemptTls(address, { version: "TLSv1.3", group }, ATTEMPT_TIMEOUT_MS);
    if (attempt.ok) accepted.push(group);
  }
  return accepted;
}

function handshakeReport(attempt: TlsAttempt): HandshakeReport {
  if (!attempt.ok) {
    const isVersion = attempt.error.code === "link.tls_version";
    const refusal = isVersion ? "this version is not spoken there" : attempt.error.message;
    return { accepted: false, cipher: null, group: null, refusal };
  }
  return { accepted: true, cipher: attempt.cipher, group: attempt.group, refusal: null };
}

function statusLine(answer: string): string | null {
  const [line = ""] = answer.split("\r\n");
  return line.startsWith("HTTP/") ? line : null;
}

/**
 * Judges what another end accepts.
 *
 * @param report what was seen
 * @param chain its certificates, leaf first
 * @param plaintext how it answers an unsecured caller
 * @param nowMs milliseconds since the epoch
 */
export function judgeEnd(
  report: EndReport,
  chain: readonly X509Certificate[],
  plaintext: PlaintextAttempt,
  nowMs: number,
): readonly Finding[] {
  return [
    ...judgeSecurity(report),
    ...judgePlaintext(report, plaintext),
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

function judgeSecurity(report: EndReport): readonly Finding[] {
  const where = report.address;
  if (!report.tls13.accepted) {
    return [
      {
        severity: "error",
        what: `TLS 1.3 is refused: ${report.tls13.refusal ?? "no reason"}`,
        where,
        why: "Agents speak nothing older, so none of them can connect there.",
        remedy:
          "See that the address is central's agents port and that no proxy ends TLS before it.",
      },
    ];
  }
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

function judgePlaintext(report: EndReport, plaintext: PlaintextAttempt): readonly Finding[] {
  if (!plaintext.reached || plaintext.answer !== "http") return [];
  if (!/^HTTP\/1\.[01] 2/.test(plaintext.line)) return [];
  return [
    {
      severity: "warning",
      what: "It serves requests in plaintext",
      where: report.address,
      why: "Whoever is on the way reads and changes them.",
      remedy: "Use a secured port, or close plaintext there.",
    },
  ];
}
