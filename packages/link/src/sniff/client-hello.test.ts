import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type ConnectionOptions, createServer } from "node:tls";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { listenOnAnyPort, openSocketPair } from "@tautline/testing";
import { createFleetAuthority } from "../../test/fleet-authority.ts";
import { type ClientHello, MAX_CLIENT_HELLO_BYTES, readClientHello } from "./client-hello.ts";

/** The first bytes of a real client. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  await using pair = await openSocketPair();
  const client = connect({ socket: pair.dialled, rejectUnauthorized: false, ...options });
  client.on("error", () => {});
  const [bytes] = (await once(pair.accepted, "data")) as [Buffer];
  client.destroy();
  return bytes;
}

const psk: ConnectionOptions = {
  pskCallback: () => ({ psk: Buffer.alloc(32, 1), identity: "legacy" }),
};
const CLIENTS: [string, ConnectionOptions, ClientHello][] = [
  [
    "a client with certificates",
    { minVersion: "TLSv1.3" },
    { offersPsk: false, knowsTls13: true, offersPskSuite: false },
  ],
  [
    "a client with a key, TLS 1.3",
    { ...psk, minVersion: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256" },
    { offersPsk: true, knowsTls13: true, offersPskSuite: false },
  ],
  [
    "a client with a key, TLS 1.2",
    { ...psk, minVersion: "TLSv1.2", maxVersion: "TLSv1.2", ciphers: "DHE-PSK-AES256-GCM-SHA384" },
    { offersPsk: false, knowsTls13: false, offersPskSuite: true },
  ],
  [
    "an old client with certificates",
    { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" },
    { offersPsk: false, knowsTls13: false, offersPskSuite: false },
  ],
];

describe("the hello of", () => {
  for (const [who, options, hello] of CLIENTS) {
    it(`${who} is read, also from several records and from any part of it on`, async () => {
      const bytes = await helloOf(options);
      assert.deepEqual(readClientHello(bytes), { kind: "hello", hello });
      assert.deepEqual(readClientHello(inRecordsOf(bytes, 100)), { kind: "hello", hello });
      for (let length = 0; length < bytes.length; length += 1) {
        assert.deepEqual(readClientHello(bytes.subarray(0, length)), { kind: "more" });
      }
    });

    it(`${who}, changed in any byte, is read or refused and nothing else`, async () => {
      const bytes = await helloOf(options);
      fc.assert(
        fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
          const changed = Buffer.from(bytes);
          changed.writeUInt8(byte, at);
          assert.match(readClientHello(changed).kind, /^(?:more|hello|malformed)$/);
        }),
      );
    });
  }
});

/** The same message, cut into records of `size` bytes. */
function inRecordsOf(bytes: Buffer, size: number): Buffer {
  const message = bytes.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(records);
}

it("a client that resumes a session of certificates names no key (A28)", async () => {
  const authority = createFleetAuthority();
  const { keyPem: key, chainPem: cert } = authority.central();
  const server = createServer({ key, cert, minVersion: "TLSv1.3" });
  server.on("secureConnection", (socket) => socket.on("error", () => {}));
  const { port, close } = await listenOnAnyPort(server);
  const first = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  const [session] = (await once(first, "session")) as [Buffer];
  first.destroy();
  await close();
  const bytes = await helloOf({ minVersion: "TLSv1.3", session });
  assert.ok(bytes.length > 400);
  const hello = { offersPsk: false, knowsTls13: true, offersPskSuite: false };
  assert.deepEqual(readClientHello(bytes), { kind: "hello", hello });
});

describe("no hello is", () => {
  const cases: [string, Buffer][] = [
    ["an alert", Buffer.from("15030300020228", "hex")],
    ["an empty record", Buffer.from("1603010000", "hex")],
    ["a record longer than TLS allows", Buffer.from([0x16, 3, 1, 0x40, 0x01])],
    ["another handshake message", Buffer.from("16030100040e000000", "hex")],
    [
      "one that announces a byte more than the limit",
      Buffer.from([0x16, 3, 1, 0, 4, 1, 0, ...twoBytes(MAX_CLIENT_HELLO_BYTES + 1)]),
    ],
    ["one that ends in its random", Buffer.from("16030100060100000203 03".replace(" ", ""), "hex")],
  ];
  for (const [what, bytes] of cases) {
    it(what, () => assert.equal(readClientHello(bytes).kind, "malformed"));
  }
});

function twoBytes(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}

it("any bytes at all are read, refused, or waited for", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      assert.match(readClientHello(Buffer.from(bytes)).kind, /^(?:more|hello|malformed)$/);
    }),
  );
});
