/** One command of a script page and what it must do. */
export interface ScriptStep {
  /** Line of the page, counted from 1. */
  readonly line: number;
  /** What a shell is given. */
  readonly command: string;
  /** Expected lines of stdout, as written. */
  readonly stdout: readonly string[];
  /** Expected lines of stderr, as written. */
  readonly stderr: readonly string[];
  readonly exit: number;
}

/** A page of commands: what a person types, and what they then see. */
export interface Script {
  /** The first comment. */
  readonly title: string;
  /** Whether a central must run while the page is read. */
  readonly needsCentral: boolean;
  readonly steps: readonly ScriptStep[];
  /** Files that are there before the first command, by name. */
  readonly files: Readonly<Record<string, string>>;
}

const FILE_HEAD = /^-- (\S+) --$/;

/**
 * Reads a script page.
 *
 * `# text` is a comment, `needs central` a condition, `> command` a command for the shell. Under it stand the lines it must
 * print: stdout as it is, stderr after `! `, then `exit N` where it is not 0. `| ` before a stdout line takes it literally.
 * `-- name --` starts a file.
 *
 * @param text the page
 */
export function parseScript(text: string): Script {
  const lines = text.split("\n");
  const filesFrom = lines.findIndex((line) => FILE_HEAD.test(line));
  const page = filesFrom === -1 ? lines : lines.slice(0, filesFrom);
  const starts = page.flatMap((line, index) => (line.startsWith("> ") ? [index] : []));
  const preamble = page.slice(0, starts[0] ?? page.length);
  return {
    title: (preamble.find((line) => line.startsWith("# ")) ?? "# untitled").slice(2),
    needsCentral: preamble.includes("needs central"),
    steps: starts.map((start, index) => readStep(page, start, starts[index + 1] ?? page.length)),
    files: readFiles(filesFrom === -1 ? [] : lines.slice(filesFrom)),
  };
}

function readStep(page: readonly string[], start: number, end: number): ScriptStep {
  const body = page.slice(start + 1, end).filter((line) => !line.startsWith("# "));
  while (body.at(-1) === "") body.pop();
  const exitAt = body.findIndex((line) => /^exit \d+$/.test(line));
  const shown = exitAt === -1 ? body : body.slice(0, exitAt);
  return {
    line: start + 1,
    command: (page[start] ?? "").slice(2),
    stdout: shown.filter((line) => !line.startsWith("! ")).map(withoutBar),
    stderr: shown.filter((line) => line.startsWith("! ")).map((line) => line.slice(2)),
    exit: exitAt === -1 ? 0 : Number((body[exitAt] ?? "").slice(5)),
  };
}

function withoutBar(line: string): string {
  return line.startsWith("| ") ? line.slice(2) : line;
}

function readFiles(lines: readonly string[]): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  let name = "";
  for (const line of lines) {
    const head = FILE_HEAD.exec(line);
    if (head?.[1] === undefined) files[name] = `${files[name]}${line}\n`;
    else {
      name = head[1];
      files[name] = "";
    }
  }
  return files;
}
