import { createPublicKey, type KeyObject } from "node:crypto";
import { TautlineError } from "@tautline/protocol";

const SMALLEST_RSA_BITS = 2048;
/** Larger RSA keys cost the verifier more than they protect: one signature of 16,384 bits takes milliseconds. */
const LARGEST_RSA_BITS = 4096;
/** F4; a huge exponent is the same denial of service, a tiny one has a history of padding attacks. */
const RSA_EXPONENT = 65537n;
const CURVES: ReadonlySet<string | undefined> = new Set(["prime256v1", "secp384r1"]);

/**
 * Tells why a key is not accepted, or undefined if it is: P-256, P-384, Ed25519, and RSA of 2,048 to 4,096 bits (NIST SP 800-57
 * part 1, table 2; threats A12).
 *
 * @param key a public or private key
 * @returns a reason for people, without key material
 */
export function findKeyWeakness(key: KeyObject): string | undefined {
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  if (kind === "ed25519") return undefined;
  if (kind === "rsa") {
    return findRsaWeakness(details?.modulusLength ?? 0, details?.publicExponent ?? 0n);
  }
  if (kind !== "ec") return `the kind ${kind ?? "without a name"}`;
  const curve = details?.namedCurve;
  return CURVES.has(curve) ? undefined : `the curve ${curve ?? "without a name"}`;
}

/**
 * Refuses a key that is not accepted.
 *
 * @param key a public or private key
 * @throws pki.key_not_accepted
 */
export function refuseWeakKey(key: KeyObject): void {
  const weakness = findKeyWeakness(key);
  if (weakness !== undefined) {
    throw new TautlineError("pki.key_not_accepted", { detail: { reason: weakness } });
  }
}

/** What stands before the numbers of a key in the one encoding of its kind (RFC 5480 section 2, RFC 8410 section 4). */
const USUAL_HEADS: ReadonlyMap<string | undefined, Buffer> = new Map([
  ["P-256", Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex")],
  ["P-384", Buffer.from("3076301006072a8648ce3d020106052b8104002203620004", "hex")],
  ["Ed25519", Buffer.from("302a300506032b6570032100", "hex")],
]);

/**
 * Tells whether SubjectPublicKeyInfo bytes are the one encoding of their key. Compressed points and explicit curve parameters
 * would give one key several pins, and so a way past a block by key (A17).
 *
 * @param key the key that was read from `spki`
 * @param spki the DER it was read from
 */
export function isCanonicalSpki(key: KeyObject, spki: Uint8Array): boolean {
  const usual = usualSpki(key);
  if (usual !== undefined) return usual.equals(spki);
  const rebuilt = createPublicKey({ key: key.export({ format: "jwk" }), format: "jwk" });
  return rebuilt.export({ type: "spki", format: "der" }).equals(spki);
}

/**
 * Writes SubjectPublicKeyInfo in its usual encoding from the numbers of a key: OpenSSL's encoder takes as long as a signature.
 *
 * @param key a public key
 * @returns DER; undefined for kinds whose form is not fixed, which OpenSSL has to write
 */
export function usualSpki(key: KeyObject): Buffer | undefined {
  if (key.asymmetricKeyType !== "ec" && key.asymmetricKeyType !== "ed25519") return undefined;
  if (findKeyWeakness(key) !== undefined) return undefined;
  const jwk = key.export({ format: "jwk" });
  const head = USUAL_HEADS.get(jwk.crv);
  return head === undefined ? undefined : Buffer.concat([head, ...numbersOf(jwk)]);
}

/** RFC 7518 section 6.2.1 and RFC 8037 section 2: each number in its full length. */
function numbersOf({ x = "", y = "" }: { readonly x?: string; readonly y?: string }): Buffer[] {
  return [Buffer.from(x, "base64url"), Buffer.from(y, "base64url")];
}

function findRsaWeakness(bits: number, exponent: bigint): string | undefined {
  if (bits < SMALLEST_RSA_BITS || bits > LARGEST_RSA_BITS) return `RSA of ${bits} bits`;
  return exponent === RSA_EXPONENT ? undefined : "RSA with an exponent other than 65537";
}
