import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Forwarder } from "./forwarders.ts";
import { freePort } from "./free-port.ts";
import type { LevelWorld } from "./level-world.ts";
import {
  HAPROXY_BENCH,
  startHaproxy,
  startPeer,
  startStunnel,
  STUNNEL_BENCH,
  type TlsPeer,
} from "./tls-peers.ts";

/** A pair of processes of another program. */
export type PeerPair = Forwarder & AsyncDisposable;

/**
 * Starts stunnel twice: one that takes programs' connections and dials by TLS 1.3, one that leads on.
 *
 * @param folder for its files
 * @param world certificates
 * @param to port of this host that it leads to
 * @returns undefined where it is not installed
 */
export async function startStunnelPair(
  folder: string,
  world: LevelWorld,
  to: number,
): Promise<PeerPair | undefined> {
  const behind = await startStunnel(folder, world, "certificate", to);
  if (behind === undefined) return undefined;
  const port = await freePort();
  const home = join(folder, "stunnel-front");
  mkdirSync(home, { recursive: true });
  const config = [
    ...STUNNEL_BENCH,
    "client = yes",
    `accept = 127.0.0.1:${port}`,
    `connect = 127.0.0.1:${behind.port}`,
    "sslVersionMin = TLSv1.3",
  ];
  const file = join(home, "stunnel.conf");
  writeFileSync(file, `${config.join("\n")}\n`);
  return pairOf("stunnel", await startPeer("stunnel", [file], port), behind);
}

/**
 * Starts haproxy twice, each with one thread, as `startStunnelPair` does.
 *
 * @param folder for its files
 * @param world certificates
 * @param to port of this host that it leads to
 * @returns undefined where it is not installed
 */
export async function startHaproxyPair(
  folder: string,
  world: LevelWorld,
  to: number,
): Promise<PeerPair | undefined> {
  const behind = await startHaproxy(folder, world, to);
  if (behind === undefined) return undefined;
  const port = await freePort();
  const home = join(folder, "haproxy-front");
  mkdirSync(home, { recursive: true });
  const config = [
    ...HAPROXY_BENCH,
    `  bind 127.0.0.1:${port}`,
    `  server behind 127.0.0.1:${behind.port} ssl verify none ssl-min-ver TLSv1.3`,
  ];
  const file = join(home, "haproxy.cfg");
  writeFileSync(file, `${config.join("\n")}\n`);
  return pairOf("haproxy", await startPeer("haproxy", ["-db", "-f", file], port), behind);
}

function pairOf(name: string, front: TlsPeer, behind: TlsPeer): PeerPair {
  return {
    name,
    port: front.port,
    cpuMs: () => front.cpuMs() + behind.cpuMs(),
    memoryBytes: () => front.memoryBytes() + behind.memoryBytes(),
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]();
      await behind[Symbol.asyncDispose]();
    },
  };
}
