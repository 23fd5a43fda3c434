/* Run as a process of its own: dials one port at one level so many times, many at once, and says how often it was let in. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { basicPsk, dialBasic } from "@tautline/link";

const AT_ONCE = 16;
const TIMEOUT_MS = 60_000;

const [level = "", portText = "", keyText = "", timesText = ""] = process.argv.slice(2);
const port = Number(portText);
const sharedKey = Buffer.from(keyText, "hex");

async function dial(): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** @returns whether it was let in */
async function overTls(options: object): Promise<boolean> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  let isIn = false;
  socket.once("error", () => socket.destroy());
  socket.once("secureConnect", () => {
    isIn = true;
    socket.destroy();
  });
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return isIn;
}

async function atBasic(): Promise<boolean> {
  // Every other one has a wrong key.
  const psk = Math.random() < 0.5 ? basicPsk(sharedKey) : randomBytes(32);
  const address = "central";
  const { stream } = await dialBasic(await dial(), {
    key: { name: "legacy" },
    psk,
    isBound: false,
    address,
    timeoutMs: TIMEOUT_MS,
    now: Date.now,
  });
  stream.destroy();
  return true;
}

async function atPlaintext(): Promise<boolean> {
  const socket = await dial();
  socket.write("POST /v1/opamp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
  await once(socket, "data");
  socket.destroy();
  return true;
}

const WAYS: Readonly<Record<string, () => Promise<boolean>>> = {
  plaintext: atPlaintext,
  basic: atBasic,
  advanced: () =>
    overTls({
      ciphers: "TLS_AES_128_GCM_SHA256",
      pskCallback: () => ({ psk: sharedKey, identity: "legacy" }),
      checkServerIdentity: () => undefined,
    }),
  tls: () => overTls({}),
};

const way = WAYS[level];
if (way === undefined) throw new Error(`no such level: ${level}`);
let [left, isIn] = [Number(timesText), 0];

async function goOn(dialOnce: () => Promise<boolean>): Promise<void> {
  while (left > 0) {
    left -= 1;
    if (await dialOnce().catch(() => false)) isIn += 1;
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, () => goOn(way)));
process.stdout.write(`${JSON.stringify({ isIn })}\n`);
