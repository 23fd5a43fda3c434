import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import type { LevelWorld } from "./level-world.ts";
import { processorMs, residentBytes } from "./machine.ts";

/** Another program that accepts TLS and leads the bytes on. */
export interface TlsPeer extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Processor time it has used, milliseconds. */
  cpuMs(): number;
  /** Its resident memory, bytes. */
  memoryBytes(): number;
}

/** What every haproxy of a benchmark begins with: one thread, TCP, and a proxy whose lines follow. */
export const HAPROXY_BENCH: readonly string[] = [
  "global",
  "  nbthread 1",
  "  maxconn 4000",
  "defaults",
  "  mode tcp",
  "  timeout connect 10s",
  "  timeout client 60s",
  "  timeout server 60s",
  "listen bench",
];

/** What every stunnel of a benchmark begins with. */
export const STUNNEL_BENCH: readonly string[] = [
  "foreground = yes",
  "pid =",
  "debug = 3",
  "socket = l:TCP_NODELAY=1",
  "socket = r:TCP_NODELAY=1",
  "[bench]",
];

/** How a peer secures its port. */
export type PeerKind = "psk" | "certificate";

/**
 * Starts stunnel in front of a port: TLS 1.3 with a pre-shared key, or with central's certificate.
 *
 * @param folder for its files
 * @param world keys and certificates
 * @param kind which of them it uses
 * @param to port of this host that it leads to
 * @returns undefined where it is not installed
 */
export async function startStunnel(
  folder: string,
  world: LevelWorld,
  kind: PeerKind,
  to: number,
): Promise<TlsPeer | undefined> {
  if (spawnSync("stunnel", ["-version"]).error !== undefined) return undefined;
  const home = join(folder, `stunnel-${kind}`);
  mkdirSync(home, { recursive: true });
  const port = await freePort();
  const secrets = join(home, "keys");
  writeFileSync(secrets, `${world.keyName}:${world.sharedKey}\n`, { mode: 0o600 });
  const secured =
    kind === "psk"
      ? ["ciphers = PSK", "ciphersuites = TLS_AES_128_GCM_SHA256", `PSKsecrets = ${secrets}`]
      : [`cert = ${writeIdentity(home, world)}`, "ciphersuites = TLS_AES_256_GCM_SHA384"];
  const config = [
    ...STUNNEL_BENCH,
    `accept = 127.0.0.1:${port}`,
    `connect = 127.0.0.1:${to}`,
    "sslVersionMin = TLSv1.3",
    "sessionResume = no",
    ...secured,
  ];
  const file = join(home, "stunnel.conf");
  writeFileSync(file, `${config.join("\n")}\n`);
  return startPeer("stunnel", [file], port);
}

/**
 * Starts haproxy in front of a port: TLS 1.3 with central's certificate, one process with one thread.
 *
 * @param folder for its files
 * @param world certificates
 * @param to port of this host that it leads to
 * @returns undefined where it is not installed
 */
export async function startHaproxy(
  folder: string,
  world: LevelWorld,
  to: number,
): Promise<TlsPeer | undefined> {
  if (spawnSync("haproxy", ["-v"]).error !== undefined) return undefined;
  const home = join(folder, "haproxy");
  mkdirSync(home, { recursive: true });
  const port = await freePort();
  const config = [
    ...HAPROXY_BENCH,
    `  bind 127.0.0.1:${port} ssl crt ${writeIdentity(home, world)} ssl-min-ver TLSv1.3 no-tls-tickets ciphersuites TLS_AES_256_GCM_SHA384`,
    `  server sink 127.0.0.1:${to}`,
  ];
  const file = join(home, "haproxy.cfg");
  writeFileSync(file, `${config.join("\n")}\n`);
  return startPeer("haproxy", ["-db", "-f", file], port);
}

function writeIdentity(home: string, { central, rootPem }: LevelWorld): string {
  const file = join(home, "identity.pem");
  writeFileSync(file, `${central.keyPem}${central.chainPem}${rootPem}`, { mode: 0o600 });
  return file;
}

/**
 * Starts a peer and waits until its port takes connections.
 *
 * @param name of the program
 * @param args its arguments
 * @param port of this host that it listens on
 */
export async function startPeer(
  name: string,
  args: readonly string[],
  port: number,
): Promise<TlsPeer> {
  const child = spawn(name, args, { stdio: ["ignore", "ignore", "inherit"] });
  const pid = child.pid ?? 0;
  process.once("exit", () => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  await answering(port);
  return {
    name,
    port,
    cpuMs: () => processorMs(pid),
    memoryBytes: () => residentBytes(pid),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

const LOOK_EVERY_MS = 20;
const LOOKS = 250;

/** Waits until a port takes connections. */
async function answering(port: number): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    const socket = connect({ host: "127.0.0.1", port });
    try {
      await once(socket, "connect");
      return;
    } catch {
      await wait(LOOK_EVERY_MS);
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`nothing listens on port ${port}`);
}
