import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { launchProcess, type LaunchedProcess } from "@tautline/testing";
import { until } from "../../until.ts";

/** A server that nobody here wrote, on a port of this host. */
export interface ServerProgram extends AsyncDisposable {
  readonly port: number;
}

const IS_ROOT = process.getuid?.() === 0;

/** Whom servers run as: this user, but where that is root, which PostgreSQL refuses to be, the one that Debian's package brings. */
export const SERVER_USER = IS_ROOT ? "postgres" : userInfo().username;

/** A folder that belongs to `SERVER_USER` alone. */
export function serverFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "tautline-test-"));
  if (IS_ROOT) execFileSync("chown", [SERVER_USER, path]);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * Starts a program as `SERVER_USER`.
 *
 * @param command its path or name
 * @param args its arguments
 */
export function launchAsServer(command: string, args: readonly string[]): LaunchedProcess {
  const become = [`--reuid=${SERVER_USER}`, `--regid=${SERVER_USER}`, "--clear-groups"];
  // It becomes the program, so that the signals of a test reach that.
  if (IS_ROOT) return launchProcess({ command: "setpriv", args: [...become, command, ...args] });
  return launchProcess({ command, args });
}

/**
 * Runs a program to its end as `SERVER_USER`.
 *
 * @throws where it ends with another code than 0, with what it said
 */
export async function runAsServer(command: string, args: readonly string[]): Promise<void> {
  await using running = launchAsServer(command, args);
  const { code } = await running.exited;
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${running.stderr}`);
}

/**
 * Waits until a server says that it is ready.
 *
 * @param server the process
 * @param words what it says then, on either output
 * @throws where it ends instead, with what it said
 */
export async function untilSaid(server: LaunchedProcess, words: RegExp): Promise<void> {
  const over = new AbortController();
  const hasSaid = async (): Promise<true | undefined> =>
    words.test(server.stdout + server.stderr) ? true : undefined;
  const ended = server.exited.then(() => {
    throw new Error(`a server ended: ${server.stdout}${server.stderr}`);
  });
  try {
    await Promise.race([until(hasSaid, over.signal), ended]);
  } finally {
    over.abort();
  }
}

/** A port of this host that is free now, for servers that cannot be told to take any. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
