import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as secure, type TLSSocket } from "node:tls";
import { launchProcess, launchTautline } from "@tautline/testing";
import {
  callSocket,
  describeCentral,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";
import { serverFolder, SERVER_USER } from "./programs/server-program.ts";

/** Programs whose certificates the agent keeps. */
export const PROGRAMS = ["nginx", "postgres", "nats"] as const;
/** One of them. */
export type Program = (typeof PROGRAMS)[number];

/** One certificate as `agent status --json` has it. */
export interface KeptCertificate {
  readonly name: Program;
  readonly serial: string | null;
  readonly problem: { readonly code: string; readonly text: string } | null;
}

/** A central, and an agent that keeps a certificate of some seconds for each program. */
export interface CertificateScene extends AsyncDisposable {
  readonly central: RunningCentral;
  readonly agentId: string;
  /** Where the files of a program are. */
  folderOf(program: Program): string;
  /**
   * Has the agent run a line of shell after each renewal, which fails until then; runs it once, for a renewal may have come since the
   * program was started.
   */
  reloadBy(program: Program, line: string): Promise<void>;
  /** What the agent said when the files were there, and no program yet that could have reloaded them. */
  readonly first: readonly KeptCertificate[];
  /** Trusts the root and nothing else. */
  readonly ca: Buffer;
}

/** Half of it is waited for; the other half is for reloads on a busy machine. */
const LIFE = "14s";

/** Starts them, and waits for the first files. */
export async function openCertificateScene(): Promise<CertificateScene> {
  await using stack = new AsyncDisposableStack();
  const files = stack.use(serverFolder()).path;
  const folder = mkdtempSync(join(tmpdir(), "tautline-test-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "central.yaml");
  writeFileSync(config, `certificates: { fileLifetime: ${LIFE} }\n`);
  const dataDir = join(folder, "central");
  const process_ = launchCentral(dataDir, undefined, { config });
  stack.defer(async () => void (await process_.kill()));
  const central = await describeCentral(process_, dataDir, folder);
  const names = ["localhost", "127.0.0.1"];
  await central.call("POST", "/api/v1/certificate-names", { names });
  const folderOf = (program: Program): string => join(files, program);
  const scriptOf = (program: Program): string => join(files, `reload-${program}`);
  const write = (program: Program, line: string): void =>
    writeFileSync(scriptOf(program), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  for (const program of PROGRAMS) write(program, "echo not there yet >&2; exit 3");
  const reloadBy: CertificateScene["reloadBy"] = async (program, line) => {
    write(program, line);
    await using running = launchProcess({ command: scriptOf(program) });
    assert.equal((await running.exited).code, 0, running.stderr);
  };
  const data = join(folder, "agent");
  const agentConfig = join(folder, "agent.yaml");
  const owner = process.getuid?.() === 0 ? { owner: SERVER_USER } : {};
  const certificates = Object.fromEntries(
    PROGRAMS.map((program) => [
      program,
      { folder: folderOf(program), names, reload: [scriptOf(program)], ...owner },
    ]),
  );
  writeFileSync(agentConfig, JSON.stringify({ certificates }));
  const env = { TAUTLINE_TOKEN: await central.token() };
  const how = ["--json", "--data", data, "--config", agentConfig];
  await using joining = launchTautline(["agent", "join", ...how], { env });
  assert.equal((await joining.exited).code, 0, joining.stderr);
  const agent = launchTautline(["agent", "run", ...how]);
  stack.defer(async () => void (await agent.kill()));
  await agent.waitForEvent(({ event }) => event === "connected");
  const status = () =>
    callSocket<{ readonly id: string; readonly keptCertificates: readonly KeptCertificate[] }>(
      join(data, "agent.sock"),
      { method: "GET", path: "/status" },
    );
  const { id: agentId, keptCertificates: first } = await until(async () => {
    const now = await status();
    return now.keptCertificates.every(isThere) ? now : undefined;
  });
  const ca = readFileSync(join(folderOf("nginx"), "ca.crt"));
  const owned = stack.move();
  const dispose = () => owned.disposeAsync();
  return { central, agentId, folderOf, reloadBy, first, ca, [Symbol.asyncDispose]: dispose };
}

const isThere = ({ serial, problem }: KeptCertificate): boolean => (serial && problem) !== null;

/** What is said in the clear before TLS begins. */
export type BeforeTls = (socket: Socket) => Promise<void>;

/** A client that trusts the root alone and wants to be answered by localhost. */
export async function dialTls(
  { ca }: Pick<CertificateScene, "ca">,
  port: number,
  before?: BeforeTls,
): Promise<TLSSocket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  await before?.(socket);
  const secured = secure({ socket, ca, servername: "localhost" });
  await once(secured, "secureConnect");
  return secured;
}

/** The serial of the certificate that a port shows now, in lower-case hex. */
export async function shownSerial(
  scene: Pick<CertificateScene, "ca">,
  port: number,
  before?: BeforeTls,
): Promise<string> {
  const socket = await dialTls(scene, port, before);
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber.toLowerCase();
}

/** Waits until a port shows another certificate than before: the program has taken the renewed one. */
export async function untilRenewed(
  scene: Pick<CertificateScene, "ca">,
  { port, serial, before }: { port: number; serial: string; before?: BeforeTls },
): Promise<string> {
  return until(async () => {
    const now = await shownSerial(scene, port, before).catch(whereExpired);
    return now === serial ? undefined : now;
  });
}

/** On a machine that is too busy to reload in time; how long that takes is no matter of these tests. */
function whereExpired(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "CERT_HAS_EXPIRED") throw error;
  return undefined;
}
