import type { GeneralName, GeneralSubtree, NameConstraints } from "@peculiar/asn1-x509";
import { TautlineError } from "@tautline/protocol";
import { ipBytes } from "./ip-address.ts";
import type { CertifiedNames, NameLimits, NameSubtrees } from "./name-constraints.ts";

const NO_ADDRESS = new Uint8Array();

/** Names by form: those that are judged, and the forms of the rest. */
interface SortedNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ips: readonly Uint8Array[];
  readonly otherForms: readonly string[];
}

/**
 * Sorts the names of a subject alternative name by their forms.
 *
 * @param names as read from DER
 * @throws pki.certificate_malformed for an address that is neither 4 nor 16 bytes
 */
export function readNames(names: readonly GeneralName[]): CertifiedNames {
  const { uris, dnsNames, ips } = sortNames(names, [4, 16]);
  return { uris, dnsNames, ipAddresses: ips };
}

/**
 * Reads name constraints (RFC 5280 section 4.2.1.10).
 *
 * @param constraints as read from DER
 * @throws pki.certificate_malformed when they are empty, use minimum or maximum, or hold a range of another length
 */
export function readLimits(constraints: NameConstraints): NameLimits {
  const { permittedSubtrees: permitted = [], excludedSubtrees: excluded = [] } = constraints;
  if (permitted.length + excluded.length === 0) throw malformed("its name constraints are empty");
  return { permitted: readSubtrees(permitted), excluded: readSubtrees(excluded) };
}

function readSubtrees(subtrees: readonly GeneralSubtree[]): NameSubtrees {
  const whole = subtrees.every((each) => each.minimum === 0 && each.maximum === undefined);
  if (!whole) throw malformed("its name constraints have a minimum or a maximum");
  const bases = subtrees.map((each) => each.base);
  const { uris, dnsNames, ips, otherForms } = sortNames(bases, [8, 32]);
  return { uriHosts: uris, dnsNames, ipRanges: ips, otherForms };
}

function sortNames(names: readonly GeneralName[], ipLengths: readonly number[]): SortedNames {
  const uris: string[] = [];
  const dnsNames: string[] = [];
  const ips: Uint8Array[] = [];
  const otherForms: string[] = [];
  for (const name of names) {
    if (name.uniformResourceIdentifier !== undefined) uris.push(name.uniformResourceIdentifier);
    else if (name.dNSName !== undefined) dnsNames.push(name.dNSName);
    else if (name.iPAddress !== undefined) ips.push(ipBytes(name.iPAddress) ?? NO_ADDRESS);
    else otherForms.push(formOf(name));
  }
  if (!ips.every((each) => ipLengths.includes(each.length))) {
    throw malformed("it has an IP address of a wrong length");
  }
  return { uris, dnsNames, ips, otherForms };
}

/** The library declares every form and sets the one that stands there. */
function formOf(name: GeneralName): string {
  const [form] = Object.entries(name).find(([, value]) => value !== undefined) ?? [];
  return form ?? "an unknown form";
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.certificate_malformed", { detail: { reason } });
}
