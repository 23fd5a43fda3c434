/* Equipment: every way that an IPv4 address can be written as, or hidden in, an IPv6 address. No tests of its own. */

/** Forms that this host's kernel takes for the IPv4 address itself, in several spellings. */
export function mappedForms(ipv4: string): string[] {
  const [high, low] = hexGroups(ipv4);
  return [
    `::ffff:${ipv4}`,
    `::FFFF:${ipv4}`,
    `::ffff:${high}:${low}`,
    `0:0:0:0:0:ffff:${ipv4}`,
    `0000:0000:0000:0000:0000:ffff:${high.padStart(4, "0")}:${low.padStart(4, "0")}`,
  ];
}

/** Forms that lead to the IPv4 address by a translator or a tunnel elsewhere. */
export function translatedForms(ipv4: string): string[] {
  const [high, low] = hexGroups(ipv4);
  const bytes = ipv4.split(".").map(Number);
  const turned = bytes.map((byte) => byte ^ 0xff);
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [
    `::${ipv4}`,
    `::ffff:0:${ipv4}`,
    `64:ff9b::${ipv4}`,
    `64:ff9b::${high}:${low}`,
    `64:ff9b:1::${ipv4}`,
    // RFC 6052 section 2.2: behind a prefix of 48, 56 and 64 bits; the ninth byte is left out.
    groupsText([0, 0x64, 0xff, 0x9b, 0, 1, a, b, 0, c, d, 0, 0, 0, 0, 0]),
    groupsText([0, 0x64, 0xff, 0x9b, 0, 1, 0, a, 0, b, c, d, 0, 0, 0, 0]),
    groupsText([0, 0x64, 0xff, 0x9b, 0, 1, 0, 0, 0, a, b, c, d, 0, 0, 0]),
    `2002:${high}:${low}::1`,
    `2001:0:${high}:${low}:8000:f227:808:808`,
    groupsText([0x20, 1, 0, 0, 8, 8, 8, 8, 0x80, 0, 0, 0, ...turned]),
  ];
}

function hexGroups(ipv4: string): [high: string, low: string] {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split(".").map(Number);
  return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
}

function groupsText(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bytes[at * 2] ?? 0) * 256 + (bytes[at * 2 + 1] ?? 0)).toString(16),
  );
  return groups.join(":");
}
