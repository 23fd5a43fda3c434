import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type X509Certificate } from "node:crypto";
import { writeFileSet } from "@tautline/daemon";
import { certificatesFromPem, importPrivateKey, verifyChain } from "@tautline/pki";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { type CertificateSettings, fileNamesOf } from "./certificate-settings.ts";

/** What a program's certificate is checked against. */
export interface KeptExpectation {
  readonly settings: Pick<CertificateSettings, "names" | "use">;
  /** Pinned at the join. */
  readonly roots: readonly X509Certificate[];
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly nowMs: number;
}

/** A program's certificate with its key. */
export interface KeptPair {
  readonly chainPem: string;
  /** PKCS#8. */
  readonly keyPem: string;
}

/**
 * Checks a program's certificate before it is written, or taken for one that is there: by the pinned roots, for this key, for the
 * names and the use that were asked for and for nothing else (A6, A10, A12).
 *
 * @param pair chain and key
 * @param expected names, use, roots and time
 * @returns the leaf
 * @throws pki.*; an error with the code agent.certificate_unfit has the reason alone
 */
export function checkPair(
  { chainPem, keyPem }: KeptPair,
  expected: KeptExpectation,
): X509Certificate {
  const { settings, roots, nowMs } = expected;
  const [leaf, ...intermediates] = certificatesFromPem(chainPem);
  if (leaf === undefined) throw unfit("it holds no certificate");
  const purposes = settings.use === "both" ? (["server", "client"] as const) : [settings.use];
  for (const purpose of purposes) {
    const at = new Date(nowMs);
    const verdict = verifyChain({ leaf, intermediates, roots, at, purpose });
    if (!verdict.ok) throw verdict.error;
  }
  if (leaf.keyUsage?.length !== purposes.length) throw unfit("it is for more than was asked for");
  const missing = settings.names.find((name) => !namesOf(leaf).includes(name));
  if (missing !== undefined) throw unfit(`it does not name ${missing}`);
  if (namesOf(leaf).length !== settings.names.length) throw unfit("it has names nobody asked for");
  if (!leaf.checkPrivateKey(importPrivateKey(keyPem))) throw unfit("it is for another key");
  return leaf;
}

/**
 * Reads what a folder has, if that is whole and what the settings ask for.
 *
 * @param settings of the certificate
 * @param expected roots and time
 * @returns the leaf in use; undefined where there is none that can be used
 */
export function readKept(
  settings: CertificateSettings,
  expected: Omit<KeptExpectation, "settings">,
): X509Certificate | undefined {
  const { cert, key } = fileNamesOf(settings);
  const text = (name: string): string => readFileSync(join(settings.folder, name), "latin1");
  try {
    return checkPair({ chainPem: text(cert), keyPem: text(key) }, { ...expected, settings });
  } catch {
    // Whatever is wrong with them, others are had.
    return undefined;
  }
}

/**
 * Writes a certificate's files: key first, for programs that read them meanwhile look at the certificate last.
 *
 * @param settings where to, and whose
 * @param pair checked before
 * @param rootsPem what clients check it by
 * @throws certificate.file_unwritable
 */
export function writeKept(settings: CertificateSettings, pair: KeptPair, rootsPem: string): void {
  const { cert, key, ca } = fileNamesOf(settings);
  const owner = settings.owner === undefined ? undefined : ownerOf(settings.owner, settings.folder);
  writeFileSet(
    [
      { name: key, content: pair.keyPem, mode: Number.parseInt(settings.keyMode, 8) },
      { name: cert, content: pair.chainPem, mode: 0o644 },
      { name: ca, content: rootsPem, mode: 0o644 },
    ],
    { folder: settings.folder, replace: true, owner },
  );
}

/** Node does not ask the system's list of users; `id` does, wherever it is kept. */
function ownerOf(owner: string, file: string): { uid: number; gid: number } {
  const numbers = /^(\d+):(\d+)$/.exec(owner);
  if (numbers !== null) return { uid: Number(numbers[1]), gid: Number(numbers[2]) };
  const ask = (flag: string): number =>
    Number(execFileSync("/usr/bin/id", [flag, "--", owner], { encoding: "utf8", stdio: "pipe" }));
  try {
    return { uid: ask("-u"), gid: ask("-g") };
  } catch (cause) {
    const detail = { file, reason: `there is no user '${owner}'` };
    throw new TautlineError("certificate.file_unwritable", { cause, detail });
  }
}

/** As they were asked for: OpenSSL shows IPv6 addresses with all their zeros. */
function namesOf(leaf: X509Certificate): string[] {
  return (leaf.subjectAltName ?? "").split(", ").map((each) => {
    const [kind = "", text = ""] = each.split(/:(.*)/s);
    if (kind !== "IP Address" || !text.includes(":")) return text;
    return new URL(`http://[${text}]/`).hostname.slice(1, -1);
  });
}

function unfit(reason: string): TautlineError {
  return new TautlineError("agent.certificate_unfit", { detail: { name: "", reason } });
}

/**
 * Says why a certificate was not taken.
 *
 * @param cause what `checkPair` threw
 */
export function reasonOf(cause: unknown): string {
  if (!isTautlineError(cause)) return "it cannot be read";
  const { reason } = cause.detail;
  return cause.code === "agent.certificate_unfit"
    ? String(reason)
    : cause.message.replace(/\.$/, "");
}
