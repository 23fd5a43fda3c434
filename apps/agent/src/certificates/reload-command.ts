import { spawn } from "node:child_process";
import { printableText, TautlineError } from "@tautline/protocol";

const TIMEOUT_MS = 30_000;
const LAST_WORDS_MS = 500;
const MOST_OUTPUT = 4_096;
const SHOWN_CHARACTERS = 200;
/** Nothing of the agent's own environment, which may hold the vault's passphrase. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C",
};

/**
 * Runs the command that makes a program read its files again: no shell, no input, and at most 30 seconds.
 *
 * @param name of the certificate, for the error
 * @param command program and arguments, from the agent's local file alone
 * @param signal kills it
 * @returns undefined when it ended with 0, else agent.reload_failed
 */
export function runReload(
  name: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<TautlineError | undefined> {
  const [program = "", ...args] = command;
  const failed = (reason: string): TautlineError =>
    new TautlineError("agent.reload_failed", { detail: { name, program, reason } });
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: ENVIRONMENT,
      cwd: "/",
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
      signal,
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-MOST_OUTPUT);
    });
    child.once("error", ({ message }) => resolve(failed(message)));
    const tell = (code: number | null, killedBy: string | null): void => {
      child.stderr.destroy();
      if (code === 0) return resolve(undefined);
      const how = code === null ? `it was ended by ${String(killedBy)}` : `it ended with ${code}`;
      const last = printableText(said.trim().split("\n").at(-1) ?? "", SHOWN_CHARACTERS);
      resolve(failed(last === "" ? how : `${how}: ${last}`));
    };
    child.once("close", tell);
    // Its end may be noticed before its last words; but where it leaves a child behind, they never end.
    child.once("exit", (code, killedBy) => {
      setTimeout(tell, LAST_WORDS_MS, code, killedBy).unref();
    });
  });
}
