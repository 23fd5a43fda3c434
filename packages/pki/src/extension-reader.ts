import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  type Extension,
  ExtendedKeyUsage,
  GeneralNames,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyUsage,
  NameConstraints,
  SubjectKeyIdentifier,
} from "@peculiar/asn1-x509";
import { TautlineError } from "@tautline/protocol";
import { decodeDer } from "./der.ts";
import { isKnownExtension } from "./extension-names.ts";
import { readLimits, readNames } from "./general-names.ts";
import type { CertifiedNames, NameLimits } from "./name-constraints.ts";
import { createRecentValues } from "./recent-values.ts";

/** What the extensions of a certificate say (RFC 5280 section 4.2.1). */
export interface ExtensionFacts {
  /** The CA bit. */
  readonly isAuthority: boolean;
  /** How many authorities may stand below; undefined is no limit. */
  readonly pathLength: number | undefined;
  /** Bits of KeyUsageFlags; undefined when the extension is absent. */
  readonly keyUsage: number | undefined;
  /** Object identifiers of the extended key usage; undefined when the extension is absent. */
  readonly purposes: readonly string[] | undefined;
  readonly names: CertifiedNames;
  readonly limits: NameLimits | undefined;
  /** Subject and authority key identifiers, as hex. */
  readonly keyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  /** The first critical extension that is not understood here. */
  readonly unknownCritical: string | undefined;
}

const NO_NAMES: CertifiedNames = { uris: [], dnsNames: [], ipAddresses: [] };

/**
 * Reads the extensions of a certificate without judging them.
 *
 * @param extensions as read from DER
 * @throws pki.certificate_malformed for one that is not of its form or stands twice
 */
export function readExtensions(extensions: readonly Extension[]): ExtensionFacts {
  const byId = indexById(extensions);
  const read = <T extends object>(oid: string, type: new () => T): T | undefined => {
    const extension = byId.get(oid);
    return extension === undefined ? undefined : readValue(extension, type);
  };
  const constraints = read(id_ce_basicConstraints, BasicConstraints);
  const purposes = read(id_ce_extKeyUsage, ExtendedKeyUsage);
  const names = read(id_ce_subjectAltName, GeneralNames);
  const limits = read(id_ce_nameConstraints, NameConstraints);
  return {
    isAuthority: constraints?.cA ?? false,
    pathLength: readPathLength(constraints),
    keyUsage: read(id_ce_keyUsage, KeyUsage)?.toNumber(),
    purposes: purposes === undefined ? undefined : Array.from(purposes),
    names: names === undefined ? NO_NAMES : readNames(names),
    limits: limits === undefined ? undefined : readLimits(limits),
    keyId: toHex(read(id_ce_subjectKeyIdentifier, SubjectKeyIdentifier)?.buffer),
    authorityKeyId: toHex(
      read(id_ce_authorityKeyIdentifier, AuthorityKeyIdentifier)?.keyIdentifier?.buffer,
    ),
    unknownCritical: extensions.find((each) => each.critical && !isKnownExtension(each.extnID))
      ?.extnID,
  };
}

/** Key usage and the like are the same few bytes in every certificate; what was read of them is never changed. */
const REMEMBERED = 64;
const LONGEST_REMEMBERED = 64;
const values = createRecentValues<object>(REMEMBERED);

function readValue<T extends object>(extension: Extension, type: new () => T): T {
  const { extnID, extnValue } = extension;
  const { buffer } = extnValue;
  const key = `${extnID} ${Buffer.from(buffer, 0, Math.min(buffer.byteLength, LONGEST_REMEMBERED)).toString("hex")}`;
  const isShort = buffer.byteLength <= LONGEST_REMEMBERED;
  const before = isShort ? values.get(key) : undefined;
  if (before instanceof type) return before;
  const value = decodeDer(buffer, type, {
    code: "pki.certificate_malformed",
    what: `the extension ${extnID}`,
  });
  if (isShort) values.set(key, value);
  return value;
}

function indexById(extensions: readonly Extension[]): ReadonlyMap<string, Extension> {
  const byId = new Map(extensions.map((each) => [each.extnID, each]));
  if (byId.size !== extensions.length) throw malformed("an extension stands in it twice");
  return byId;
}

/** The library gives large integers as text; any such limit is as good as none, so it is refused as nonsense. */
function readPathLength(constraints: BasicConstraints | undefined): number | undefined {
  const length: unknown = constraints?.pathLenConstraint;
  if (length === undefined) return undefined;
  if (constraints?.cA !== true || typeof length !== "number" || length < 0) {
    throw malformed("its path length is not one");
  }
  return length;
}

function toHex(bytes: ArrayBuffer | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.certificate_malformed", { detail: { reason } });
}
