const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const GROUP = /^[0-9a-f]{1,4}$/;
const GROUPS = 8;

/**
 * Tells whether text is an IPv4 address: four decimal numbers without leading zeros.
 *
 * @param text any text
 */
export function isIPv4Text(text: string): boolean {
  return IPV4.test(text);
}

/**
 * Writes an IPv6 address in its one spelling (RFC 5952 section 4).
 *
 * @param text hexadecimal groups in lower case, in any spelling; a part in dotted decimals and a zone are not read
 * @returns undefined for anything else
 */
export function canonicalIPv6(text: string): string | undefined {
  const groups = readGroups(text);
  if (groups === undefined) return undefined;
  const run = longestZeros(groups);
  const words = groups.map((group) => group.toString(16));
  if (run.length < 2) return words.join(":");
  const [head, tail] = [words.slice(0, run.from), words.slice(run.from + run.length)];
  return `${head.join(":")}::${tail.join(":")}`;
}

function readGroups(text: string): number[] | undefined {
  // The longest spelling: eight groups of four.
  if (text.length > 39) return undefined;
  const halves = text.split("::");
  const [head = [], tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  if (halves.length > 2) return undefined;
  const left = GROUPS - head.length - (tail?.length ?? 0);
  if (tail === undefined ? left !== 0 : left < 1) return undefined;
  const zeros = Array.from({ length: left }, () => "0");
  const words = [...head, ...zeros, ...(tail ?? [])];
  return words.every((word) => GROUP.test(word))
    ? words.map((w) => Number.parseInt(w, 16))
    : undefined;
}

/** The first of the longest runs of zeros. */
function longestZeros(groups: readonly number[]): {
  readonly from: number;
  readonly length: number;
} {
  let longest = { from: 0, length: 0 };
  let from = 0;
  for (const [at, group] of groups.entries()) {
    if (group !== 0) from = at + 1;
    else if (at + 1 - from > longest.length) longest = { from, length: at + 1 - from };
  }
  return longest;
}
