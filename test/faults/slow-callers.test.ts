import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { setInterval } from "node:timers";
import { connect as connectTls } from "node:tls";
import { describe, it } from "node:test";
import { BASIC_MAGIC } from "@tautline/link";
import { until } from "../until.ts";
import {
  dialAt,
  dialTcp,
  type EveryLevel,
  goodAgent,
  helloOf,
  refusals,
  untilClosed,
  whileTalking,
  withEveryLevel,
  withKey,
} from "./every-level.ts";
import { openDescriptors } from "./held-memory.ts";

const SLOW_ON_EACH = 500;
const DRIP_MS = 500;

/** Begins something and does not go on with it. */
type Slow = () => Promise<Duplex>;

const PREFACE = Buffer.concat([BASIC_MAGIC, Buffer.from([1, 1, 6]), Buffer.from("legacy")]);
const REQUEST = "POST /v1/opamp HTTP/1.1\r\nhost: localhost\r\n";

function saying(port: number, bytes: Uint8Array | string): Slow {
  return async () => {
    const socket = await dialTcp(port);
    socket.write(bytes);
    return socket;
  };
}

/** One header after the other, and never the last. */
function dripping(dial: () => Promise<Duplex>): Slow {
  return async () => {
    const stream = await dial();
    stream.write(REQUEST);
    const timer = setInterval(() => stream.write("x: y\r\n"), DRIP_MS);
    stream.once("close", () => clearInterval(timer));
    return stream;
  };
}

async function securedAndSilent(port: number): Promise<Duplex> {
  const options = { host: "127.0.0.1", port, rejectUnauthorized: false, allowHalfOpen: true };
  const socket = connectTls({ ...options, minVersion: "TLSv1.3" });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

async function slowOnes(central: EveryLevel): Promise<Readonly<Record<string, Slow>>[]> {
  const { agentsPort, plaintextPort, sharedKey } = central;
  const [hello, withPsk] = [await helloOf({}), await helloOf(withKey(sharedKey))];
  const onEach = (port: number): Record<string, Slow> => ({
    "says nothing": () => dialTcp(port),
    "says one byte": saying(port, hello.subarray(0, 1)),
    "begins a ClientHello": saying(port, hello.subarray(0, hello.length / 2)),
    "begins a ClientHello with a key": saying(port, withPsk.subarray(0, withPsk.length - 1)),
    "begins a method": saying(port, "GE"),
  });
  return [
    {
      ...onEach(agentsPort),
      "begins a preface": saying(agentsPort, PREFACE.subarray(0, 4)),
      "says a preface and no message": saying(agentsPort, PREFACE),
      "says a preface and half a message": saying(
        agentsPort,
        Buffer.concat([PREFACE, Buffer.alloc(9)]),
      ),
      "says a ClientHello and no more": saying(agentsPort, hello),
      "says a ClientHello with a key and no more": saying(agentsPort, withPsk),
      "is secured by TLS and silent": () => securedAndSilent(agentsPort),
      "is secured by a key at basic and silent": () => dialAt(central, "basic"),
      "is secured by a key at advanced and drips": dripping(() => dialAt(central, "advanced")),
    },
    {
      ...onEach(plaintextPort),
      "begins a request": saying(plaintextPort, REQUEST),
      "says its headers one by one": dripping(() => dialTcp(plaintextPort)),
    },
  ];
}

describe("F13: five hundred slow callers on each port", () => {
  it("are all cut, hold up no agent, and leave no descriptor", () =>
    withEveryLevel(
      async (central) => {
        await using plaintext = await goodAgent(central, "plaintext");
        await using basic = await goodAgent(central, "basic");
        await using mtls = await goodAgent(central, "mtls");
        // Who was upgraded and has nothing to say is not slow.
        await using quiet = await goodAgent(central, "plaintext");
        const before = openDescriptors(central);
        await whileTalking([plaintext, basic, mtls], async () => {
          const closing: Promise<Buffer>[] = [];
          for (const kinds of await slowOnes(central)) {
            const begin = Object.values(kinds);
            for (let index = 0; index < SLOW_ON_EACH; index += 1) {
              const slow = begin[index % begin.length];
              if (slow !== undefined) closing.push(untilClosed(await slow()));
            }
          }
          // Who comes meanwhile is let in.
          for (const level of ["plaintext", "basic", "advanced", "mtls"] as const) {
            await using late = await goodAgent(central, level);
            await late.say();
          }
          await Promise.all(closing);
        });
        await until(async () => (openDescriptors(central) <= before ? true : undefined));
        await quiet.say();
        assert.ok((await refusals(central, "link.timeout")) > SLOW_ON_EACH);
      },
      { handshakeTimeout: "2s" },
    ));
});
