import { type Level, LEVELS, type PeerOffer } from "@tautline/protocol";
import type { HttpWords } from "./http-words.ts";
import type { PlaintextAttempt } from "./plaintext-attempt.ts";
import type { SharedKeyAttempt } from "./key-attempts.ts";

/** What another end does with one level. */
export interface LevelReport {
  readonly level: Level;
  readonly state: "accepted" | "refused" | "not known";
  /** The other end's own reason where it gave one. */
  readonly text: string;
  /** What the other end says to do about it; null where it says nothing. */
  readonly remedy: string | null;
}

/** What came of calling it at every level. */
export interface LevelFacts {
  readonly plaintext: PlaintextAttempt;
  readonly basic: SharedKeyAttempt;
  readonly advanced: SharedKeyAttempt;
  /** Of a handshake with certificates and without one of the caller's. */
  readonly tls: TlsFacts;
  /** Name of the key that was given to be proven. */
  readonly keyName: string | undefined;
  /** What it says of itself, if it is a Tautline. */
  readonly offer: PeerOffer | undefined;
}

/** What TLS came to. */
export type TlsFacts =
  | { readonly refusal: string }
  | {
      readonly refusal: undefined;
      /** Suite and group. */
      readonly text: string;
      readonly asksForCertificate: boolean | null;
      readonly words: HttpWords | undefined;
    };

type Judgement = Omit<LevelReport, "level">;

const UPGRADE_REQUIRED = 426;

/**
 * Judges every level by what was seen and by what the other end says of itself; where neither tells, it is not known.
 *
 * @param facts of all attempts
 */
export function judgeLevels(facts: LevelFacts): readonly LevelReport[] {
  const { basic, advanced, offer, keyName } = facts;
  const judgements: Readonly<Record<Level, Judgement>> = {
    plaintext: judgePlaintext(facts),
    basic: judgeSharedKey("basic", basic, { offer, keyName }),
    advanced: judgeSharedKey("advanced", advanced, { offer, keyName }),
    tls: judgeTls("tls", facts),
    mtls: judgeTls("mtls", facts),
  };
  return LEVELS.map((level) => reportOf(level, judgements[level]));
}

function reportOf(level: Level, judgement: Judgement): LevelReport {
  return { level, ...judgement };
}

const accepted = (text: string): Judgement => ({ state: "accepted", text, remedy: null });
const refused = (text: string, remedy: string | null = null): Judgement => ({
  state: "refused",
  text,
  remedy,
});
const notKnown = (text: string): Judgement => ({ state: "not known", text, remedy: null });

function judgePlaintext({ plaintext, offer }: LevelFacts): Judgement {
  if (!plaintext.reached) return notKnown("no connection came about");
  if (plaintext.answer === "silence") return notKnown("no answer to an HTTP request");
  if (plaintext.answer === "closed") return refused("it closes without a word");
  if (plaintext.answer === "tls-alert") return refused("it answers with a TLS alert");
  const { words } = plaintext;
  if (words === undefined) return refused("it answers with something that is neither HTTP nor TLS");
  if (words.status === UPGRADE_REQUIRED) return refusedByHttp(words);
  const { line } = words;
  if (words.location?.startsWith("https:") === true) {
    return refused(`${line}; it sends callers to TLS`);
  }
  if (offer !== undefined) {
    return offer.levels.includes("plaintext")
      ? accepted("it serves HTTP in clear")
      : refused(`${line}; ${says(offer)}`);
  }
  if (words.status === 400) return refused(line);
  return notKnown(`${line}, but it does not say that it is a Tautline`);
}

function judgeSharedKey(
  level: Level,
  attempt: SharedKeyAttempt,
  { offer, keyName = "" }: Pick<LevelFacts, "offer" | "keyName">,
): Judgement {
  switch (attempt.kind) {
    case "proven":
      return accepted(`the key '${keyName}' was proven`);
    case "unproven":
      return refused(
        `the level is there, but the key '${keyName}' was not proven`,
        "Give both ends the same key under the same name and namespace.",
      );
    case "refused":
      return refused(attempt.text, attempt.remedy);
    case "absent":
      return refused(attempt.text);
    case "there":
      return offer?.levels.includes(level) === false
        ? notKnown(`it does as an end with this level does, but ${says(offer)}`)
        : accepted("it is there; no key was given to prove (--key-name, --key-file)");
    default:
      return byItsWords(level, attempt.text, offer);
  }
}

function byItsWords(level: Level, text: string, offer: PeerOffer | undefined): Judgement {
  if (offer === undefined) return notKnown(text);
  return offer.levels.includes(level)
    ? accepted(`by its own words; ${text}`)
    : refused(`${text}; ${says(offer)}`);
}

function judgeTls(level: "tls" | "mtls", { tls, offer }: LevelFacts): Judgement {
  if (tls.refusal !== undefined) return refused(tls.refusal);
  const { words, asksForCertificate, text } = tls;
  if (offer !== undefined && !offer.levels.includes(level)) {
    return words?.status === UPGRADE_REQUIRED
      ? refusedByHttp(words)
      : refused(`TLS is spoken, but ${says(offer)}`);
  }
  if (level === "tls") return accepted(text);
  if (asksForCertificate === null) return notKnown("TLS 1.2 does not tell");
  return asksForCertificate
    ? accepted("it asks for a certificate; none was shown")
    : refused("it asks for no certificate");
}

function refusedByHttp({ line, problem }: HttpWords): Judgement {
  return refused(problem?.text ?? line, problem?.remedy ?? null);
}

function says(offer: PeerOffer): string {
  return `it says that it accepts ${offer.levels.join(", ") || "no level"}`;
}
