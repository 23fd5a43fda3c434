/** What a word in angle brackets stands for. */
const WORDS: Readonly<Record<string, string>> = {
  any: ".+",
  distance: String.raw`(?:in \d+[smhd]|\d+[smhd] ago)`,
  hex: "[0-9a-f]+",
  key: "[A-Za-z0-9_-]{43}",
  number: String.raw`\d+`,
  time: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z`,
  token: String.raw`tautline1\.[A-Za-z0-9_-]+`,
  uuid: "[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
};

/** Names and values that earlier lines of a page captured. */
export type Captures = Record<string, string>;

/**
 * Compares printed lines with expected ones.
 *
 * `<word>` stands for a value of that kind, `<word:NAME>` keeps it for later lines and commands as `$NAME`; two spaces and more
 * match two and more; `...` alone matches any lines.
 *
 * @param expected lines of a script page
 * @param printed what came out
 * @param captures read, and filled
 * @returns the first expected line that does not match, or undefined; "(nothing more)" where too much was printed
 */
export function findMismatch(
  expected: readonly string[],
  printed: string,
  captures: Captures,
): string | undefined {
  const lines = printed.replace(/\n+$/, "").split("\n");
  const rest = lines.length === 1 && lines[0] === "" ? [] : lines;
  let at = 0;
  for (const [index, pattern] of expected.entries()) {
    if (pattern === "...") {
      const next = expected[index + 1];
      if (next === undefined) return undefined;
      while (at < rest.length && !matches(next, rest[at] ?? "", { ...captures })) at += 1;
    } else {
      const line = rest[at];
      if (line === undefined || !matches(pattern, line, captures)) return pattern;
      at += 1;
    }
  }
  return at < rest.length ? "(nothing more)" : undefined;
}

function matches(pattern: string, line: string, captures: Captures): boolean {
  const found = toRegExp(pattern, captures).exec(line);
  if (found === null) return false;
  Object.assign(captures, found.groups);
  return true;
}

function toRegExp(pattern: string, captures: Captures): RegExp {
  const source = pattern
    .replace(/\$([A-Z]+)/g, (whole, name: string) => captures[name] ?? whole)
    .split(/(<[a-z]+(?::[A-Z]+)?>| {2,})/)
    .map((part) => {
      if (/^ {2,}$/.test(part)) return " {2,}";
      const [, word, name] = /^<([a-z]+)(?::([A-Z]+))?>$/.exec(part) ?? [];
      const kind = word === undefined ? undefined : WORDS[word];
      if (kind === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
      return name === undefined ? kind : `(?<${name}>${kind})`;
    })
    .join("");
  return new RegExp(`^${source}$`);
}
