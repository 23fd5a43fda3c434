import { styleText } from "node:util";
import type { Failure } from "./failure.ts";
import { escapeControls, showControls } from "./safe-text.ts";

/** Where the command writes; a process's own stream, or a list of strings in tests. */
export interface TextSink {
  /** A stream gives false when its reader has fallen behind, and "drain" when it has caught up. */
  write(text: string): unknown;
  once?(event: "drain", caughtUp: () => void): unknown;
}

/** Streams, form and width of the output. */
export interface OutputOptions {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** The caller asked for one JSON document on stdout and a problem document on stderr. */
  readonly json: boolean;
  /** Whether each stream is a terminal that shows colours. */
  readonly colour: { readonly stdout: boolean; readonly stderr: boolean };
  /** Characters a line may have, for wrapping help. */
  readonly columns: number;
}

/** Gives text a style where colours belong, else returns it as it is. */
export type Paint = (style: "bold" | "dim" | "red" | "yellow" | "green", text: string) => string;

/** The command's voice: results on stdout, everything else on stderr. */
export interface Output {
  readonly json: boolean;
  readonly columns: number;
  /** Colours for text that goes to stdout; returns the text as it is where colours do not belong. */
  readonly paint: Paint;
  /**
   * Prints a verb's result: the document with `--json`, else the text.
   *
   * @param document what `--json` prints, on one line unless people read it
   * @param render makes the text for people; not called with `--json`
   */
  print(document: unknown, render: () => string | Promise<string>): Promise<void>;
  /** Text on stdout as it is; for results that are a file's content or a help page. */
  text(text: string): void;
  /** The same for text without end: resolves when its reader has room for more, so that nothing piles up here. */
  paced(text: string): Promise<void>;
  /** A remark for people on stderr; nothing with `--json`. */
  note(text: string): void;
  /** The help that follows a usage mistake, on stderr; nothing with `--json`. */
  help(text: string): void;
  /** A failure on stderr: code, sentence and remedy, or the RFC 9457 document with `--json`. */
  failure(failure: Failure): void;
}

/**
 * Makes the command's output.
 *
 * @param options streams, form and width
 */
export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, json, colour, columns } = options;
  const paintError = paintFor(colour.stderr);
  return {
    json,
    columns,
    paint: paintFor(colour.stdout && !json),
    async print(document, render) {
      if (json) stdout.write(`${formatJson(document)}\n`);
      else stdout.write(withNewline(await render()));
    },
    text: (text) => void stdout.write(text),
    paced: async (text) => {
      if (stdout.write(text) !== false || stdout.once === undefined) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      stdout.once("drain", resolve);
      await promise;
    },
    note: (text) => void (json || stderr.write(withNewline(showControls(text)))),
    help: (text) => void (json || stderr.write(text)),
    failure(failure) {
      if (json) stderr.write(`${formatJson(failure.problem)}\n`);
      else stderr.write(formatFailure(failure, paintError));
    },
  };
}

function paintFor(enabled: boolean): Paint {
  return (style, text) => (enabled ? styleText(style, text, { validateStream: false }) : text);
}

/** JSON whose text cannot move a terminal's cursor: C1, bidi and separator characters are escaped too. */
function formatJson(document: unknown): string {
  return escapeControls(JSON.stringify(document ?? null));
}

function formatFailure(failure: Failure, paint: Paint): string {
  const head = `${paint("red", "tautline:")} ${paint("bold", failure.code)}: ${failure.sentence}`;
  const lines = [head, `  What to do: ${failure.remedy}`];
  if (failure.cause !== undefined) lines.push(`  Underneath: ${showControls(failure.cause)}`);
  return `${lines.map((line) => line.replaceAll("\n", "\n  ")).join("\n")}\n`;
}

function withNewline(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
