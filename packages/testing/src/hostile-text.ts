/** What a line must not contain, whoever shows it: controls, bidirectional and zero-width characters, separators, half characters. */
export const ACTS_WHEN_SHOWN: RegExp = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Texts that forge lines, colours, directions or JSON where they are shown as they are. */
export const HOSTILE_TEXTS: readonly string[] = [
  'x"}\n{"level":"info","msg":"forged"',
  "a\r\nb\rc",
  "\u001b[2J\u001b[31mred\u001b]0;title\u0007",
  "\u009b31mC1\u0085next",
  "\u202Egnp.exe\u2066\u200F\u061C",
  "a\u2028b\u2029c",
  "zero\u200Bwidth\u200Djoiner\uFEFF",
  "half\uD800 and \uDC00half",
  "NUL\0NUL",
  `quotes " ' \\ \\" and \`$(x)\``,
  "\u{E0001}tags\u{E0020}",
  "x".repeat(1_000_000),
  "\n".repeat(100_000),
  "\u{1F600}".repeat(10_000),
];
