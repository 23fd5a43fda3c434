import type { X509Certificate } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import {
  exportPrivateKey,
  readAuthorityFile,
  readCertificateFile,
  readKeyFile,
  toPem,
} from "@tautline/pki";
import { isTautlineError, TautlineError } from "@tautline/protocol";

/** The two files of one identity in an existing PKI. */
export interface PairFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** An identity as it was read from files. */
export interface PairOfFiles {
  /** PKCS#8 in PEM. */
  readonly keyPem: string;
  /** The certificate of the key first, then what else its file holds. */
  readonly chainPem: string;
  readonly leaf: X509Certificate;
}

/** A bundle of authorities is smaller. */
const MAX_FILE_BYTES = 256 * 1024;
/** Permission bits of group and world. */
const OTHERS = 0o077;

/**
 * Reads a certificate and its private key, and refuses a pair that does not belong together.
 *
 * @param files PEM or DER each; the key's file must be closed to group and others
 * @throws files.missing (naming the one of the two), files.unreadable, files.key_open, files.key_encrypted, files.key_refused,
 * files.certificates_refused, files.pair_mismatch
 */
export function readPairFiles({ certificateFile, keyFile }: PairFiles): PairOfFiles {
  const certificates = readCertificates(certificateFile, readCertificateFile);
  const key = readKey(keyFile);
  const leaf = certificates.find((each) => each.checkPrivateKey(key));
  if (leaf === undefined) {
    throw new TautlineError("files.pair_mismatch", { detail: { file: keyFile, certificateFile } });
  }
  // TLS wants the leaf first; not every tool writes it so.
  const others = certificates.filter((each) => each !== leaf);
  return { keyPem: exportPrivateKey(key), chainPem: toPem([leaf, ...others]), leaf };
}

/**
 * Reads the authorities to be trusted.
 *
 * @param file PEM with any number, or one in DER
 * @throws files.missing, files.unreadable, files.certificates_refused
 */
export function readAuthorities(file: string): readonly X509Certificate[] {
  return readCertificates(file, readAuthorityFile);
}

function readCertificates(
  file: string,
  read: (bytes: Uint8Array) => readonly X509Certificate[],
): readonly X509Certificate[] {
  const { bytes } = readBounded(file);
  try {
    return read(bytes);
  } catch (error) {
    throw named("files.certificates_refused", file, error);
  }
}

function readKey(file: string): ReturnType<typeof readKeyFile> {
  const { bytes, mode } = readBounded(file);
  try {
    if ((mode & OTHERS) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      throw new TautlineError("files.key_open", { detail: { file, mode: octal } });
    }
    return readKeyFile(bytes);
  } catch (error) {
    if (isTautlineError(error) && error.code === "pki.key_encrypted") {
      throw new TautlineError("files.key_encrypted", { detail: { file } });
    }
    throw named("files.key_refused", file, error);
  } finally {
    bytes.fill(0);
  }
}

function named(
  code: "files.certificates_refused" | "files.key_refused",
  file: string,
  error: unknown,
): unknown {
  if (!isTautlineError(error) || error.code === "files.key_open") return error;
  const reason = String(error.detail["reason"] ?? error.message);
  return new TautlineError(code, { detail: { file, reason }, cause: error });
}

/** Kind and size are judged on the open file, before a byte is read; links are followed, as orchestrators mount secrets by them. */
function readBounded(file: string): { readonly bytes: Uint8Array; readonly mode: number } {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const { mode, size, isPlain } = factsOf(descriptor);
    if (!isPlain) throw unreadable(file, "it is not a plain file");
    if (size > MAX_FILE_BYTES) throw unreadable(file, `it has more than ${MAX_FILE_BYTES} bytes`);
    const bytes = new Uint8Array(size);
    const length = size === 0 ? 0 : readSync(descriptor, bytes);
    return { bytes: bytes.subarray(0, length), mode };
  } catch (cause) {
    if (isTautlineError(cause)) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
    if (code !== "ENOENT") throw unreadable(file, code, cause);
    throw new TautlineError("files.missing", { detail: { file }, cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function factsOf(descriptor: number): {
  readonly mode: number;
  readonly size: number;
  readonly isPlain: boolean;
} {
  const facts = fstatSync(descriptor);
  return { mode: facts.mode, size: facts.size, isPlain: facts.isFile() };
}

function unreadable(file: string, reason: string, cause?: unknown): TautlineError {
  return new TautlineError("files.unreadable", { detail: { file, reason }, cause });
}
