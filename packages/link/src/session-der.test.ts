import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { connect, createServer, type ConnectionOptions, type TlsOptions } from "node:tls";
import { isTautlineError } from "@tautline/protocol";
import { canonicalGroupName, groupName, readSession, type SessionFacts } from "./session-der.ts";
import { createFleetAuthority } from "../test/fleet-authority.ts";

const identity = createFleetAuthority().central();
const client = createFleetAuthority().agent("agent-client");

/** Makes one real handshake and gives the server's session of it. */
async function sessionOf(
  server: TlsOptions,
  options: ConnectionOptions,
): Promise<{ der: Buffer; facts: SessionFacts }> {
  const accepted = Promise.withResolvers<Buffer>();
  const listener = createServer(
    { key: identity.keyPem, cert: identity.chainPem, ...server },
    (socket) => {
      socket.on("error", () => {});
      accepted.resolve(socket.getSession() ?? Buffer.alloc(0));
    },
  );
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  const der = await accepted.promise;
  socket.destroy();
  listener.close();
  return { der, facts: readSession(der) };
}

/** One DER element; the contents may be given in parts. */
function element(tag: number, ...contents: readonly (Buffer | readonly number[])[]): Buffer {
  const content = Buffer.concat(contents.map((part) => Buffer.from(part)));
  const { length } = content;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const START = [
  element(0x02, [1]),
  element(0x02, [3, 4]),
  element(0x04, [0x13, 1]),
  element(0x04, []),
  element(0x04, Buffer.alloc(48)),
];
const field = (number: number, ...contents: readonly Buffer[]): Buffer =>
  element(0xa0 + number, ...contents);

function groupWritten(...bytes: readonly number[]): number | undefined {
  return readSession(element(0x30, ...START, field(19, element(0x02, bytes)))).group;
}

test("the group of a TLS 1.3 handshake is read from the server's session", async () => {
  for (const group of ["X25519", "P-256", "P-384", "X25519MLKEM768", "SecP256r1MLKEM768"]) {
    const { facts } = await sessionOf({ ecdhCurve: group }, { ecdhCurve: group });
    assert.equal(groupName(facts.group), group);
    assert.equal(facts.hasPeerCertificate, false);
    assert.equal(facts.pskIdentity, undefined);
  }
});

test("the group after a HelloRetryRequest is the final one", async () => {
  const { facts } = await sessionOf({ ecdhCurve: "P-256" }, { ecdhCurve: "X25519:P-256" });
  assert.equal(groupName(facts.group), "P-256");
});

test("a client's certificate shows, judged or not", async () => {
  const { facts } = await sessionOf(
    { requestCert: true, rejectUnauthorized: false },
    { key: client.keyPem, cert: client.chainPem },
  );
  assert.equal(facts.hasPeerCertificate, true);
});

test("TLS 1.2 shows its group and the extended master secret", async () => {
  const { facts } = await sessionOf({ ecdhCurve: "X25519" }, { maxVersion: "TLSv1.2" });
  assert.equal(groupName(facts.group), "X25519");
  assert.equal(facts.extendedMasterSecret, true);
});

test("a TLS 1.2 pre-shared key shows its identity, and finite-field DHE shows no group", async () => {
  const psk = Buffer.alloc(32, 1);
  const suite = { ciphers: "DHE-PSK-AES256-GCM-SHA384", maxVersion: "TLSv1.2" } as const;
  const { facts } = await sessionOf(
    { ...suite, dhparam: "auto", pskCallback: () => psk },
    {
      ...suite,
      pskCallback: () => ({ psk, identity: "key-one" }),
      checkServerIdentity: () => undefined,
    },
  );
  assert.equal(facts.pskIdentity?.toString(), "key-one");
  assert.equal(facts.group, undefined);
  assert.equal(facts.hasPeerCertificate, false);
});

test("a group nobody named here stays a number, never a guess", () => {
  const facts = readSession(element(0x30, ...START, field(19, element(0x02, [0x7a, 0x7a]))));
  assert.equal(facts.group, 0x7a7a);
  assert.equal(groupName(facts.group), undefined);
  assert.equal(groupName(undefined), undefined);
});

test("a session of an OpenSSL that does not keep the group says so", () => {
  const facts = readSession(element(0x30, ...START, field(1, element(0x02, [1]))));
  assert.deepEqual(facts, {
    group: undefined,
    pskIdentity: undefined,
    hasPeerCertificate: false,
    extendedMasterSecret: false,
  });
});

test("numbers OpenSSL could have written otherwise are still read right", () => {
  assert.equal(groupWritten(0x1d), 0x1d);
  assert.equal(groupWritten(0x00, 0xfe, 0x00), 0xfe00);
  assert.equal(groupWritten(0), undefined);
});

test("everything that is not exactly a session is refused", () => {
  const group = field(19, element(0x02, [0x1d]));
  const good = element(0x30, ...START, group);
  assert.equal(readSession(good).group, 0x1d);
  const table: readonly [what: string, der: Buffer][] = [
    ["nothing", Buffer.alloc(0)],
    ["one byte", Buffer.from([0x30])],
    ["an empty sequence", element(0x30)],
    ["another type", element(0x31, ...START, group)],
    ["a byte after it", Buffer.concat([good, Buffer.alloc(1)])],
    ["its last byte missing", good.subarray(0, -1)],
    ["the start out of order", element(0x30, ...START.toReversed(), group)],
    ["a start cut short", element(0x30, ...START.slice(0, 4), group)],
    ["fields out of order", element(0x30, ...START, group, field(1, element(0x02, [1])))],
    ["a field twice", element(0x30, ...START, group, group)],
    ["a field that is not explicit", element(0x30, ...START, element(0x93, [0x1d]))],
    ["a multi-byte tag", element(0x30, ...START, element(0xbf, [0x1d]))],
    ["an empty field", element(0x30, ...START, field(19))],
    ["a group of another type", element(0x30, ...START, field(19, element(0x04, [0x1d])))],
    [
      "two groups in one field",
      element(0x30, ...START, field(19, element(0x02, [1]), element(0x02, [2]))),
    ],
    ["an empty number", element(0x30, ...START, field(19, element(0x02)))],
    [
      "a number of six bytes",
      element(0x30, ...START, field(19, element(0x02, [1, 2, 3, 4, 5, 6]))),
    ],
    ["a group above 16 bits", element(0x30, ...START, field(19, element(0x02, [1, 0, 0])))],
    ["a negative group", element(0x30, ...START, field(19, element(0x02, [0x80])))],
    ["a certificate that is none", element(0x30, ...START, field(3, element(0x02, [1])))],
    ["a length without end", Buffer.concat([Buffer.from([0x30, 0x80]), ...START])],
    ["a length of four bytes", Buffer.from([0x30, 0x84, 0, 0, 0, 1, 0])],
    ["a length in two bytes that fits one", Buffer.from([0x30, 0x81, 0x01, 0x00])],
    ["a length with a zero before it", Buffer.from([0x30, 0x82, 0x00, 0x80, ...Buffer.alloc(128)])],
    ["more than its limit", Buffer.alloc(256 * 1024 + 1, 0x30)],
  ];
  for (const [what, der] of table) {
    assert.throws(
      () => readSession(der),
      (error) => isTautlineError(error) && error.code === "link.session_unreadable",
      what,
    );
  }
});

test("what is read is a copy, so that the session's bytes can be wiped", () => {
  const der = element(0x30, ...START, field(8, element(0x04, Buffer.from("identity"))));
  const { pskIdentity } = readSession(der);
  der.fill(0);
  assert.equal(pskIdentity?.toString(), "identity");
});

test("OpenSSL's names become ours, unknown ones are not shown", () => {
  for (const [name, expected] of [
    ["prime256v1", "P-256"],
    ["secp384r1", "P-384"],
    ["X25519", "X25519"],
    ["X25519MLKEM768", "X25519MLKEM768"],
    ["brainpoolP256r1", undefined],
    ["", undefined],
  ] as const) {
    assert.equal(canonicalGroupName(name), expected);
  }
});
