import { type HostPort, ipBytes } from "@tautline/link";

/** Both ends of the connection that is passed on. */
export interface ProxyEndpoints {
  /** Who connected. */
  readonly source: HostPort;
  /** Where that connection arrived. */
  readonly destination: HostPort;
}

/** "\r\n\r\n\0\r\nQUIT\n", which no other protocol begins with. */
const SIGNATURE = Buffer.from([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]);
const VERSION_2_PROXY = 0x21;
const UNSPEC = 0x00;
const TCP4 = 0x11;
const TCP6 = 0x21;
const MAPPED = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

/**
 * The header of the PROXY protocol, version 2 (HAProxy, "The PROXY protocol", section 2.2), that is sent to a target before the first byte:
 * signature, version and command, family, length, both addresses, both ports; no further fields.
 *
 * @param endpoints undefined, or with an address or port that cannot be written, gives a header of family UNSPEC
 * @returns 16, 28 or 52 bytes
 */
export function proxyHeader(endpoints: ProxyEndpoints | undefined): Buffer {
  const body = endpoints === undefined ? undefined : addressBlock(endpoints);
  const head = Buffer.alloc(4);
  head[0] = VERSION_2_PROXY;
  head[1] = body === undefined ? UNSPEC : body.length === 12 ? TCP4 : TCP6;
  head.writeUInt16BE(body?.length ?? 0, 2);
  return Buffer.concat([SIGNATURE, head, ...(body === undefined ? [] : [body])]);
}

function addressBlock({ source, destination }: ProxyEndpoints): Buffer | undefined {
  const [from, to] = [plainBytes(source.host), plainBytes(destination.host)];
  if (from === undefined || to === undefined) return undefined;
  if (![source.port, destination.port].every(isPort)) return undefined;
  const isIpv4 = from.length === 4 && to.length === 4;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  // One family for both: where they differ, IPv4 is written in its IPv6 form.
  return Buffer.concat([...[from, to].map((bytes) => (isIpv4 ? bytes : wide(bytes))), ports]);
}

/** A socket that listens on both families gives IPv4 in its mapped form; what is meant is IPv4. A zone is this host's own affair. */
function plainBytes(host: string): Buffer | undefined {
  const bytes = ipBytes(host.replace(/%.*$/, ""));
  return bytes?.length === 16 && bytes.subarray(0, 12).equals(MAPPED) ? bytes.subarray(12) : bytes;
}

function wide(bytes: Buffer): Buffer {
  return bytes.length === 16 ? bytes : Buffer.concat([MAPPED, bytes]);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}
