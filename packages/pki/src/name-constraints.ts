/** The names of one certificate (its subject alternative name, RFC 5280 section 4.2.1.6), by form. */
export interface CertifiedNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes each. */
  readonly ipAddresses: readonly Uint8Array[];
}

/** Subtrees of names, by form (RFC 5280 section 4.2.1.10). */
export interface NameSubtrees {
  /** "host.example" is that host alone, ".example" is every host below it. */
  readonly uriHosts: readonly string[];
  /** "example" is that name and every one below it, "" is every name. */
  readonly dnsNames: readonly string[];
  /** An address and a mask of the same length: 8 or 32 bytes each. */
  readonly ipRanges: readonly Uint8Array[];
  /** Names the forms that are not judged here, such as "rfc822Name". */
  readonly otherForms: readonly string[];
}

/** What an authority may and may not certify. */
export interface NameLimits {
  readonly permitted: NameSubtrees;
  readonly excluded: NameSubtrees;
}

/** The host of a URI with an authority part: no user, no escapes, no brackets, so that nobody reads another host from it. */
const URI_HOST = /^[a-z][a-z0-9+.-]*:\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::\d{1,5})?(?:[/?#]|$)/i;
const DNS_NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i;

/**
 * Finds a name that an authority may not certify.
 *
 * It fails closed: constraints on a form that is not judged here refuse everything, and a name that cannot be read
 * unambiguously (a wildcard, a user part, an escape) is refused as soon as its form is constrained.
 *
 * @param names of the certificate below
 * @param limits of the authority above
 * @returns the offending name for people, or undefined when every name is permitted
 */
export function findForbiddenName(names: CertifiedNames, limits: NameLimits): string | undefined {
  const { permitted, excluded } = limits;
  const [otherForm] = [...permitted.otherForms, ...excluded.otherForms];
  if (otherForm !== undefined) return `any, for its limit on ${otherForm} is not supported`;
  return (
    findOutside(names.uris, permitted.uriHosts, excluded.uriHosts, judgeUri) ??
    findOutside(names.dnsNames, permitted.dnsNames, excluded.dnsNames, judgeDnsName) ??
    findOutside(names.ipAddresses, permitted.ipRanges, excluded.ipRanges, judgeIpAddress)
  );
}

/** Tells whether a name lies in a subtree; undefined when the name cannot be judged. */
type Judge<Name> = (name: Name, subtree: Name) => boolean | undefined;

function findOutside<Name extends string | Uint8Array>(
  names: readonly Name[],
  permitted: readonly Name[],
  excluded: readonly Name[],
  judge: Judge<Name>,
): string | undefined {
  const offender = names.find((name) => {
    const inside = permitted.length === 0 || permitted.some((each) => judge(name, each) === true);
    // Not judged counts as excluded.
    return !inside || excluded.some((each) => judge(name, each) !== false);
  });
  return typeof offender === "object" ? Buffer.from(offender).toString("hex") : offender;
}

function judgeUri(uri: string, subtree: string): boolean | undefined {
  const host = URI_HOST.exec(uri)?.[1]?.toLowerCase();
  if (host === undefined || /\.\d+$/.test(`.${host}`)) return undefined;
  const wanted = subtree.toLowerCase();
  return wanted.startsWith(".") ? host.endsWith(wanted) : host === wanted;
}

function judgeDnsName(name: string, subtree: string): boolean | undefined {
  if (!DNS_NAME.test(name)) return undefined;
  const wanted = subtree.toLowerCase();
  const below = wanted.startsWith(".") ? wanted : `.${wanted}`;
  return wanted === "" || `.${name.toLowerCase()}`.endsWith(below);
}

function judgeIpAddress(address: Uint8Array, range: Uint8Array): boolean | undefined {
  if (address.length * 2 !== range.length) return false;
  return address.every((byte, at) => {
    const mask = range[address.length + at] ?? 0xff;
    return (byte & mask) === ((range[at] ?? 0) & mask);
  });
}
