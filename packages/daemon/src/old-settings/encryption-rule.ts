import { isTautlineError, parseKeyText, weaknessOf, type Level } from "@tautline/protocol";
import type { PairSources, Spoken } from "./pair-sources.ts";
import { oldSettingError, type OldFinding } from "./old-finding.ts";

/** What an old pair's settings ask for. */
export interface OldEncryption {
  readonly level: Extract<Level, "plaintext" | "basic" | "advanced">;
  /** There if, and only if, the level needs it. */
  readonly keyText?: string;
  readonly findings: readonly OldFinding[];
}

/**
 * Decides what two switches and a key ask for (OV-6 to OV-9, OV-20).
 *
 * @param sources what is said, and where
 * @throws config.old_setting: neither true nor false; no key, an empty one, or one with quotes inside
 */
export function decideEncryption({ file, spoken, findings }: PairSources): OldEncryption {
  const [basic, fast, key] = [
    spoken.get("encrypt"),
    spoken.get("encrypt.fast"),
    spoken.get("encrypt.key"),
  ];
  const [isBasic, isFast] = [isOn(file, basic), isOn(file, fast)];
  if (!isBasic && !isFast) {
    const off = { severity: "warning", file, ...offWords(key, basic ?? fast) } as const;
    return { level: "plaintext", findings: [...findings, off] };
  }
  const keyText = readKey(file, key, (isFast ? fast : basic)?.place ?? "whole file");
  const both = isBasic && isFast ? [bothSwitches(file, fast)] : [];
  const weak = weakness(file, keyText, key);
  return {
    level: isFast ? "advanced" : "basic",
    keyText,
    findings: [...findings, ...both, ...weak],
  };
}

function isOn(file: string, spoken: Spoken | undefined): boolean {
  const word = spoken?.value.trim().toLowerCase() ?? "false";
  if (word === "true" || word === "false") return word === "true";
  // What stands there may be a key that slipped: it is not repeated.
  throw oldSettingError(file, spoken?.place ?? "", "it is neither true nor false");
}

type Words = Pick<OldFinding, "line" | "what" | "why" | "remedy">;

function offWords(key: Spoken | undefined, written: Spoken | undefined): Words {
  const why = "Whoever is on the way reads and changes what the two ends say.";
  const remedy =
    "Where both ends should encrypt, set encrypt.fast=true and the same encrypt.key in both files.";
  if (key !== undefined) {
    return { line: key.line, what: "A key is given and both switches are off", why, remedy };
  }
  const what =
    written === undefined
      ? "No switch of the encryption is set: links are plaintext, as they were"
      : "Encryption is switched off: links are plaintext, as they were";
  return { line: written?.line ?? null, what, why, remedy };
}

function readKey(file: string, spoken: Spoken | undefined, switchPlace: string): string {
  if (spoken === undefined) {
    throw oldSettingError(
      file,
      switchPlace,
      "encryption is switched on and no encrypt.key is given",
    );
  }
  const text = withoutQuotes(spoken.value.trim());
  if (/["']/.test(text)) {
    throw oldSettingError(file, spoken.place, "the key has a quotation mark inside (OV-9)");
  }
  try {
    return parseKeyText(text);
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    const reason = `the key cannot be used: ${error.detail["reason"]}`;
    throw oldSettingError(file, spoken.place, reason);
  }
}

function withoutQuotes(text: string): string {
  const isWrapped = text.length >= 2 && text.startsWith('"') && text.endsWith('"');
  return isWrapped ? text.slice(1, -1) : text;
}

function bothSwitches(file: string, fast: Spoken | undefined): OldFinding {
  return {
    severity: "info",
    file,
    line: fast?.line ?? null,
    what: "Both switches are on: advanced counts",
    why: "The old manual does not say which one counts, and the other end must read it alike.",
    remedy: "Set only encrypt.fast=true on both ends.",
  };
}

function weakness(file: string, text: string, key: Spoken | undefined): OldFinding[] {
  const reason = weaknessOf(text);
  if (reason === undefined) return [];
  return [
    {
      severity: "warning",
      file,
      line: key?.line ?? null,
      what: `The key is weak: ${reason}`,
      why: "Whoever recorded one connection can try keys until one fits.",
      remedy: "Make a strong one with 'tautline keygen' and give it to both ends.",
    },
  ];
}
