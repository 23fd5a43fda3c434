import { formatHostPort, type HostPort, parseHostPort } from "@tautline/link";
import {
  formatKeyIdentity,
  knowledgeOf,
  type Level,
  type PeerOffer,
  settingOfAgent,
  settingOfCentral,
} from "@tautline/protocol";
import { describeChain } from "./certificate-facts.ts";
import type { EndReport, HandshakeReport } from "./end-report.ts";
import { readClockOffset } from "./examine-clock.ts";
import type { Finding } from "./finding.ts";
import { type HttpWords, readHttpWords } from "./http-words.ts";
import { judgeEnd } from "./judge-end.ts";
import { judgeLevels, type LevelReport, type TlsFacts } from "./level-report.ts";
import { attemptPlaintext, httpRequest, type PlaintextAttempt } from "./plaintext-attempt.ts";
import {
  attemptAdvanced,
  attemptBasic,
  type AttemptTimes,
  type GivenKey,
  type SharedKeyAttempt,
} from "./key-attempts.ts";
import { attemptTls, type TlsAttempt } from "./tls-attempt.ts";

const AGENTS_PORT = 9150;
const TIMES: AttemptTimes = { timeoutMs: 5000, patienceMs: 1000 };
const GROUPS = ["X25519MLKEM768", "X25519", "P-256", "P-384"] as const;

/** What may differ from one examination to another. */
export interface ExamineOptions {
  /** To be proven at the levels basic and advanced. */
  readonly key?: GivenKey | undefined;
  readonly times?: AttemptTimes;
}

/**
 * Dials another end at every level and judges what it says. It asks for nothing, changes nothing there and shows no credential but
 * the key that was given, which never travels.
 *
 * @param text host:port; port 9150 where it names none
 * @param now milliseconds since the epoch
 * @param options a key, time limits
 * @throws link.address_malformed, and link.unreachable where nothing answers at all
 */
export async function examineEnd(
  text: string,
  now: () => number,
  options: ExamineOptions = {},
): Promise<{ readonly report: EndReport; readonly findings: readonly Finding[] }> {
  const address = parseHostPort(text, AGENTS_PORT);
  const { times = TIMES, key } = options;
  const plaintext = await attemptPlaintext(address, times.timeoutMs);
  if (!plaintext.reached) throw plaintext.error;
  const plainMs = now();
  const seen = await attemptAll(address, { key, times, now });
  const best = seen.tls13.ok ? seen.tls13 : seen.tls12;
  const chain = best.ok ? best.chain : [];
  const groups = seen.tls13.ok ? await acceptedGroups(address, times) : [];
  const keyName = key && formatKeyIdentity(key.identity);
  const offer = offerIn(plaintext, seen);
  const { basic, advanced } = seen;
  const levels = judgeLevels({
    plaintext,
    basic,
    advanced,
    tls: tlsFacts(seen.tls13),
    keyName,
    offer,
  });
  const report: EndReport = {
    address: formatHostPort(address.host, address.port),
    offers: offer ?? null,
    levels,
    settings: settingsFor(levels, offer),
    tls13: handshakeReport(seen.tls13),
    tls12: handshakeReport(seen.tls12),
    groups,
    asksForCertificate: best.ok ? best.asksForCertificate : null,
    chain: describeChain(chain),
    httpAnswer: seen.tls13.ok ? (readHttpWords(seen.tls13.answer)?.line ?? null) : null,
    clockOffsetMs: seen.tls13.ok
      ? readClockOffset(seen.tls13.answer, seen.tlsMs)
      : readClockOffset(plaintext.text ?? "", plainMs),
    plaintext: { answer: plaintext.answer, line: plaintext.line },
  };
  return { report, findings: judgeEnd(report, chain, seen.tlsMs) };
}

interface Attempts {
  /** When what came over TLS 1.3 was there, by this clock. */
  readonly tlsMs: number;
  readonly tls13: TlsAttempt;
  readonly tls12: TlsAttempt;
  readonly basic: SharedKeyAttempt;
  readonly advanced: SharedKeyAttempt;
}

/** At once, because an end that is silent takes the whole time limit for each. */
async function attemptAll(
  address: HostPort,
  {
    key,
    times,
    now,
  }: {
    readonly key: GivenKey | undefined;
    readonly times: AttemptTimes;
    readonly now: () => number;
  },
): Promise<Attempts> {
  const { timeoutMs } = times;
  const request = httpRequest(address);
  const [[tls13, tlsMs], tls12, basic, advanced] = await Promise.all([
    attemptTls(address, { version: "TLSv1.3", request }, timeoutMs).then(
      (attempt) => [attempt, now()] as const,
    ),
    attemptTls(address, { version: "TLSv1.2" }, timeoutMs),
    attemptBasic(address, key, times),
    attemptAdvanced(address, key, times),
  ]);
  return { tlsMs, tls13, tls12, basic, advanced };
}

async function acceptedGroups(
  address: HostPort,
  { timeoutMs }: AttemptTimes,
): Promise<readonly string[]> {
  const accepted: string[] = [];
  for (const group of GROUPS) {
    const attempt = await attemptTls(address, { version: "TLSv1.3", group }, timeoutMs);
    if (attempt.ok) accepted.push(group);
  }
  return accepted;
}

/** What was said over the best secured connection goes first. */
function offerIn(
  plaintext: PlaintextAttempt,
  { tls13, basic, advanced }: Attempts,
): PeerOffer | undefined {
  const words: readonly (HttpWords | undefined)[] = [
    tls13.ok ? readHttpWords(tls13.answer) : undefined,
    advanced.kind === "proven" ? advanced.words : undefined,
    basic.kind === "proven" ? basic.words : undefined,
    plaintext.reached ? plaintext.words : undefined,
  ];
  return words.flatMap((each) => each?.offer ?? []).at(0);
}

function settingsFor(
  levels: readonly LevelReport[],
  offer: PeerOffer | undefined,
): EndReport["settings"] {
  const at = (state: LevelReport["state"]): readonly Level[] =>
    levels.filter((each) => each.state === state).map(({ level }) => level);
  const accepted = at("accepted");
  // What a version does not know cannot be set there; of a stranger's settings nothing is known.
  const settable = at("refused").filter(
    (level) => offer !== undefined && knowledgeOf(offer.version, level).kind !== "too-old",
  );
  return {
    agent: accepted.length === 0 ? null : settingOfAgent(accepted.toReversed()),
    central: settable.length === 0 ? null : settingOfCentral(settable),
  };
}

function tlsFacts(attempt: TlsAttempt): TlsFacts {
  const { accepted, cipher, group, refusal } = handshakeReport(attempt);
  if (!accepted || !attempt.ok) return { refusal: refusal ?? "no reason" };
  return {
    refusal: undefined,
    text: `${cipher ?? "cipher not known"}, ${group ?? "group not known"}`,
    asksForCertificate: attempt.asksForCertificate,
    words: readHttpWords(attempt.answer),
  };
}

function handshakeReport(attempt: TlsAttempt): HandshakeReport {
  if (!attempt.ok) {
    const isVersion = attempt.error.code === "link.tls_version";
    const refusal = isVersion ? "this version is not spoken there" : attempt.error.message;
    return { accepted: false, cipher: null, group: null, refusal };
  }
  return { accepted: true, cipher: attempt.cipher, group: attempt.group, refusal: null };
}
