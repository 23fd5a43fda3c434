import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { acceptBasic, basicPsk, createAdvancedAcceptor, createOpeningPort } from "@tautline/link";
import { deriveSharedKey } from "@tautline/pki";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import { launchProcess } from "@tautline/testing";

/** Debian's own interpreter: it is the one that has Debian's cryptography. */
const PYTHON = "/usr/bin/python3";
const CLIENT = fileURLToPath(new URL("basic_client.py", import.meta.url));
const TEXT = "a text that both ends were given";
const PLACE = { namespace: "default", name: "legacy" };
const TIMEOUT_MS = 20_000;
const REKEY_AFTER = 3;

interface Port extends AsyncDisposable {
  readonly port: number;
  readonly sharedKey: Buffer;
  readonly secured: LinkEvidence[];
  readonly failed: TautlineError[];
}

/** A port that serves both levels of shared keys, and says back what it is told. */
async function openPort(): Promise<Port> {
  const sharedKey = await deriveSharedKey(TEXT, PLACE);
  const secured: LinkEvidence[] = [];
  const failed: TautlineError[] = [];
  const key = { name: PLACE.name, version: 1, sharedKey, psk: basicPsk(sharedKey) };
  const limits = { handshakeTimeoutMs: TIMEOUT_MS, timeoutMs: TIMEOUT_MS, now: Date.now };
  const echo = (stream: Duplex, evidence: LinkEvidence): void => {
    secured.push(evidence);
    stream.on("error", () => {}).on("data", (part: Buffer) => stream.write(part));
    stream.on("end", () => stream.end());
  };
  const advanced = createAdvancedAcceptor({
    ...limits,
    findKey: ({ name }) => (name === key.name ? key : undefined),
    onSecured: echo,
    onFailed: (error) => failed.push(error),
  });
  const findKeys = ({ name }: { readonly name: string }) => (name === key.name ? [key] : []);
  const basic = {
    emit: (_event: "connection", socket: Socket): boolean => {
      acceptBasic(socket, {
        ...limits,
        findKeys,
        address: "a caller",
        rekeyAfter: REKEY_AFTER,
      }).then(
        ({ stream, evidence }) => echo(stream, evidence),
        (error: unknown) => failed.push(error as TautlineError),
      );
      return true;
    },
  };
  const closed = { emit: (_event: "connection", socket: Socket) => socket.destroy() !== undefined };
  const server = createOpeningPort({
    openingTimeoutMs: TIMEOUT_MS,
    maxConnections: 100,
    accepts: (level) => level === "basic" || level === "advanced",
    explain: (level) => ({ code: "test", text: `no ${level} here`, remedy: "" }),
    plain: closed,
    certificates: closed,
    advanced,
    basic,
    onFailed: (error) => failed.push(error),
  });
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sharedKey,
    secured,
    failed,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function runClient(port: Port, change: object = {}): Promise<Record<string, unknown>> {
  const order = {
    host: "127.0.0.1",
    port: port.port,
    ...PLACE,
    identity: "legacy",
    text: TEXT,
    messages: ["one", "two", "x".repeat(5_000), "four", "five", "six", "seven"],
    rekeyAfter: REKEY_AFTER,
    end: true,
    ...change,
  };
  await using client = launchProcess({
    command: PYTHON,
    args: [CLIENT],
    input: JSON.stringify(order),
  });
  assert.equal((await client.exited).code, 0, client.stderr);
  return JSON.parse(client.stdout) as Record<string, unknown>;
}

describe("a client of the level basic in Python, written from docs/reference/links.md", () => {
  it("is secured, heard, answered over changes of the keys, and ends each direction", async () => {
    await using port = await openPort();
    const { heard, ended } = await runClient(port);
    assert.equal(heard, `onetwo${"x".repeat(5_000)}fourfivesixseven`);
    assert.equal(ended, true);
    assert.deepEqual(
      port.secured.map(({ level, keyId }) => [level, keyId]),
      [["basic", "legacy#1"]],
    );
  });

  it("may name the version of the key", async () => {
    await using port = await openPort();
    assert.equal((await runClient(port, { identity: "legacy#1" }))["ended"], true);
  });

  const strangers: [string, object][] = [
    ["another text", { text: "another text" }],
    ["another namespace", { namespace: "other" }],
    ["the name of no key", { identity: "stranger" }],
    ["a changed first message", { tamper: true }],
  ];
  for (const [what, change] of strangers) {
    it(`with ${what} is closed without a byte`, async () => {
      await using port = await openPort();
      assert.deepEqual(await runClient(port, change), { closed: "" });
      assert.deepEqual(port.secured, []);
      assert.deepEqual(
        port.failed.map(({ code }) => code),
        ["link.key_unproven"],
      );
    });
  }
});

const openssl = (port: Port, key: string, more: readonly string[]) => {
  const to = ["s_client", "-connect", `127.0.0.1:${port.port}`, "-psk_identity", "legacy"];
  const args = [...to, "-psk", key, "-ign_eof", ...more];
  return launchProcess({ command: "openssl", args, input: "said through it\n" });
};

describe("TLS with a pre-shared key, by programs no one here wrote", () => {
  const CASES: [string, readonly string[], Partial<LinkEvidence>][] = [
    [
      "openssl, TLS 1.3",
      ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
      { protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", group: "X25519" },
    ],
    [
      "openssl, TLS 1.3, forced to P-256",
      ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256", "-groups", "P-256"],
      { protocol: "TLSv1.3", group: "P-256" },
    ],
    [
      "openssl, TLS 1.2",
      ["-tls1_2", "-cipher", "DHE-PSK-AES256-GCM-SHA384"],
      { protocol: "TLSv1.2", cipher: "DHE-PSK-AES256-GCM-SHA384", group: "ffdhe3072" },
    ],
  ];
  for (const [who, flags, expected] of CASES) {
    it(`${who} is secured, and its group is the one that this end proves`, async () => {
      await using port = await openPort();
      await using client = openssl(port, port.sharedKey.toString("hex"), flags);
      for await (const line of client.stdoutLines) if (line === "said through it") break;
      const [evidence] = port.secured;
      assert.ok(evidence !== undefined, client.stderr);
      assert.equal(evidence.level, "advanced");
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(Reflect.get(evidence, name), value, name);
      }
    });
  }

  it("openssl with another key is refused", async () => {
    await using port = await openPort();
    await using client = openssl(port, "00".repeat(32), ["-tls1_3"]);
    assert.notEqual((await client.exited).code, 0);
    assert.deepEqual(port.secured, []);
    assert.deepEqual(
      port.failed.map(({ code }) => code),
      ["link.key_unproven"],
    );
  });

  it("gnutls-cli, TLS 1.3, is secured", async () => {
    await using port = await openPort();
    const priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+DHE-PSK:+ECDHE-PSK:+PSK";
    const key = port.sharedKey.toString("hex");
    const args = ["-p", String(port.port), "--pskusername", "legacy", "--pskkey", key];
    await using client = launchProcess({
      command: "gnutls-cli",
      args: [...args, "--priority", priority, "127.0.0.1"],
      input: "said through it\n",
    });
    for await (const line of client.stdoutLines) if (line === "said through it") break;
    assert.deepEqual(
      port.secured.map(({ level, protocol }) => [level, protocol]),
      [["advanced", "TLSv1.3"]],
      client.stderr,
    );
  });
});
