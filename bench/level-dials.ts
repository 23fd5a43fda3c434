import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { basicPsk, dialAdvanced, dialBasic, dialMutual, dialPinned } from "@tautline/link";
import { certificatesFromPem } from "@tautline/pki";
import { LEVELS, type Level } from "@tautline/protocol";
import { PLAIN_OPENING } from "./level-opening.ts";
import type { LevelWorld } from "./level-world.ts";

/** Makes a secured stream to a port of this host. */
export type BenchDial = (port: number) => Promise<Duplex>;

const HOST = "127.0.0.1";
const TIMEOUT_MS = 10_000;

/**
 * The dials of all levels.
 *
 * @param world keys and certificates of both ends
 */
export function levelDials(world: LevelWorld): Readonly<Record<Level, BenchDial>> {
  const sharedKey = Buffer.from(world.sharedKey, "hex");
  const psk = basicPsk(sharedKey);
  const roots = certificatesFromPem(world.rootPem);
  const pins = [Buffer.from(world.pin, "hex")];
  const limits = { timeoutMs: TIMEOUT_MS, now: Date.now };
  const { trustDomain } = world;
  const keyed = { ...limits, address: HOST, key: { name: world.keyName }, isBound: false };
  const dials: Record<Level, BenchDial> = {
    plaintext: async (port) => {
      const socket = await dialTcp(port);
      socket.write(PLAIN_OPENING);
      return socket;
    },
    basic: async (port) => (await dialBasic(await dialTcp(port), { ...keyed, psk })).stream,
    advanced: async (port) =>
      (await dialAdvanced(await dialTcp(port), { ...keyed, host: HOST, sharedKey })).stream,
    tls: async (port) =>
      (await dialPinned({ ...limits, host: HOST, port, trustDomain, pins })).socket,
    mtls: async (port) => {
      const way = { ...limits, host: HOST, port, trustDomain, roots };
      return (await dialMutual({ ...way, identity: world.agent })).socket;
    },
  };
  return Object.fromEntries(LEVELS.map((level) => [level, dials[level]])) as typeof dials;
}

async function dialTcp(port: number): Promise<Socket> {
  const socket = connect({ host: HOST, port, noDelay: true, allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}
