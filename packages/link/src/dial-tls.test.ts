import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { certificatesFromPem, spkiPin, toPem } from "@tautline/pki";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { dialMutual, dialPinned, type DialledLink } from "./dial-tls.ts";
import { startAcceptor } from "../test/running-acceptor.ts";
import { createFleetAuthority, testNow, type FleetIdentity } from "../test/fleet-authority.ts";
import type { TlsIdentity } from "./tls-settings.ts";

const authority = createFleetAuthority();
const PIN = spkiPin(authority.root);
const HOUR_MS = 3_600_000;

function dialOptions(port: number): Parameters<typeof dialPinned>[0] {
  return {
    host: "127.0.0.1",
    port,
    pins: [PIN],
    trustDomain: authority.trustDomain,
    timeoutMs: 10_000,
    now: testNow,
  };
}

function failsWith(code: ErrorCode, cause?: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, code, error.message);
    if (cause !== undefined) {
      assert.ok(isTautlineError(error.cause), "it has no cause of ours");
      assert.equal(error.cause.code, cause);
    }
    return true;
  };
}

interface Impostor extends AsyncDisposable {
  readonly port: number;
  /** Application bytes it got, once the connection is closed. */
  bytesHeard(): Promise<number>;
}

/** A TLS server of someone else: shows what it is given and counts what it hears. */
async function startImpostor(identity: TlsIdentity, options: TlsOptions = {}): Promise<Impostor> {
  let heard = 0;
  const closed = Promise.withResolvers<number>();
  const server = createTlsServer(
    { key: identity.keyPem, cert: identity.chainPem, minVersion: "TLSv1.3", ...options },
    (socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        heard += chunk.length;
      });
      socket.on("close", () => {
        closed.resolve(heard);
      });
    },
  );
  // A dialler that hangs up right after its handshake may be gone before this end has finished its own.
  server.on("tlsClientError", () => {
    closed.resolve(heard);
  });
  return { ...(await listening(server)), bytesHeard: () => closed.promise };
}

async function listening(server: Server): Promise<AsyncDisposable & { port: number }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** Central's leaf and intermediates with other certificates in place of the last. */
function withChain(identity: FleetIdentity, change: (chain: string[]) => string[]): TlsIdentity {
  const chain = change(certificatesFromPem(identity.chainPem).map((each) => toPem([each])));
  return { keyPem: identity.keyPem, chainPem: chain.join("") };
}

test("a pinned dial proves central by its root's key alone, and both ends show the same evidence", async () => {
  const identity = authority.central();
  await using central = await startAcceptor(authority, { identity });
  const { socket, evidence, roots, chain } = await dialPinned(dialOptions(central.port));
  assert.deepEqual(evidence, {
    level: "tls",
    protocol: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    group: "X25519MLKEM768",
    pq: true,
    serverProven: true,
    clientProven: false,
    forwardSecret: true,
    peerId: "spiffe://fleet.test/central",
    peerSerial: identity.serial,
    keyId: null,
    since: "2026-11-22T12:00:00.000Z",
  });
  assert.deepEqual(toPem(roots), toPem([authority.root]));
  assert.equal(chain.length, 3);
  const there = await central.nextSecured();
  const { peerId, peerSerial, ...same } = there.evidence;
  assert.deepEqual(
    { ...evidence, peerId: null, peerSerial: null },
    { ...same, peerId, peerSerial },
  );

  const heard = once(there.socket, "data");
  socket.write("hello");
  assert.equal(String((await heard)[0]), "hello");
  socket.destroy();
});

test("a mutual dial proves both ends, and each names the other", async () => {
  const identity = authority.central();
  await using central = await startAcceptor(authority, { identity });
  const agent = authority.agent("agent-client");
  const { socket, evidence } = await dialMutual({
    ...dialOptions(central.port),
    roots: [authority.root],
    identity: agent,
  });
  assert.equal(evidence.level, "mtls");
  assert.equal(evidence.clientProven, true);
  assert.equal(evidence.peerId, "spiffe://fleet.test/central");
  assert.equal(evidence.peerSerial, identity.serial);
  const there = await central.nextSecured();
  assert.equal(there.evidence.level, "mtls");
  assert.equal(there.evidence.peerId, agent.spiffeId);
  assert.equal(there.evidence.group, evidence.group);
  socket.destroy();
});

test("either of two pins is enough, so a token survives a rotation of the root", async () => {
  await using central = await startAcceptor(authority);
  const next = spkiPin(createFleetAuthority().root);
  for (const pins of [
    [PIN, next],
    [next, PIN],
  ]) {
    const { socket } = await dialPinned({ ...dialOptions(central.port), pins });
    await central.nextSecured();
    socket.destroy();
  }
});

test("A16: whoever is not central is refused before one byte is said to it", async (t) => {
  const stranger = createFleetAuthority();
  const otherDomain = createFleetAuthority("other.test");
  const central = authority.central();
  const { root } = authority;
  const table: readonly {
    name: string;
    shows: TlsIdentity;
    pins?: Uint8Array[];
    code: ErrorCode;
    cause?: string;
  }[] = [
    {
      name: "another central with its own root",
      shows: stranger.central(),
      code: "link.pin_mismatch",
    },
    { name: "no pin at all", shows: central, pins: [], code: "link.pin_mismatch" },
    {
      name: "a pin cut short",
      shows: central,
      pins: [PIN.subarray(0, 31)],
      code: "link.pin_mismatch",
    },
    {
      name: "central without its root",
      shows: withChain(central, (chain) => chain.slice(0, 2)),
      code: "link.pin_mismatch",
    },
    {
      name: "a stranger who appends our public root",
      shows: withChain(stranger.central(), (chain) => [...chain.slice(0, 2), toPem([root])]),
      code: "link.central_unproven",
    },
    {
      name: "a stranger with our root right behind his leaf",
      shows: withChain(stranger.central(), (chain) => [...chain.slice(0, 1), toPem([root])]),
      code: "link.central_unproven",
    },
    {
      name: "an agent of the same root, by its server certificate",
      shows: authority.agent("agent-server"),
      code: "link.central_unproven",
      cause: "pki.chain_wrong_name",
    },
    {
      name: "an agent of the same root, by its client certificate",
      shows: authority.agent("agent-client"),
      code: "link.central_unproven",
      cause: "pki.chain_wrong_purpose",
    },
    {
      name: "the central of another trust domain whose root is pinned",
      shows: otherDomain.central(),
      pins: [spkiPin(otherDomain.root)],
      code: "link.central_unproven",
      cause: "pki.chain_wrong_name",
    },
    {
      name: "central with an expired certificate",
      shows: authority.central({ fromMs: -2 * HOUR_MS, toMs: -HOUR_MS }),
      code: "link.central_untimely",
      cause: "pki.chain_expired",
    },
    {
      name: "central with a certificate of tomorrow",
      shows: authority.central({ fromMs: HOUR_MS, toMs: 2 * HOUR_MS }),
      code: "link.central_untimely",
      cause: "pki.chain_not_yet_valid",
    },
  ];
  for (const { name, shows, pins = [PIN], code, cause } of table) {
    await t.test(name, async () => {
      await using impostor = await startImpostor(shows);
      await assert.rejects(
        dialPinned({ ...dialOptions(impostor.port), pins }),
        failsWith(code, cause),
      );
      assert.equal(await impostor.bytesHeard(), 0);
    });
  }
});

test("a pin names a root: the key of an intermediate or of the leaf itself is no pin", async () => {
  const identity = authority.central();
  await using central = await startAcceptor(authority, { identity });
  for (const certificate of certificatesFromPem(identity.chainPem).slice(0, 2)) {
    const pins = [spkiPin(certificate)];
    await assert.rejects(
      dialPinned({ ...dialOptions(central.port), pins }),
      failsWith("link.pin_mismatch"),
    );
  }
});

test("a mutual dial refuses who cannot prove to be central by the given roots, before one byte is said", async (t) => {
  const identity = authority.agent("agent-client");
  for (const [name, shows, cause] of [
    ["an agent posing as server", authority.agent("agent-server"), "pki.chain_wrong_name"],
    ["another central of the same name", createFleetAuthority().central(), "pki.chain_untrusted"],
    [
      "central, expired",
      authority.central({ fromMs: -2 * HOUR_MS, toMs: -HOUR_MS }),
      "pki.chain_expired",
    ],
  ] as const) {
    await t.test(name, async () => {
      await using impostor = await startImpostor(shows, {
        requestCert: true,
        rejectUnauthorized: false,
      });
      await assert.rejects(
        dialMutual({ ...dialOptions(impostor.port), roots: [authority.root], identity }),
        failsWith(
          cause === "pki.chain_expired" ? "link.central_untimely" : "link.central_unproven",
          cause,
        ),
      );
      assert.equal(await impostor.bytesHeard(), 0);
    });
  }
});

test("a server that never asked for our certificate does not make a mutual link", async () => {
  await using impostor = await startImpostor(authority.central());
  await assert.rejects(
    dialMutual({
      ...dialOptions(impostor.port),
      roots: [authority.root],
      identity: authority.agent("agent-client"),
    }),
    failsWith("link.unproven_level"),
  );
  assert.equal(await impostor.bytesHeard(), 0);
});

test("half an identity of our own is refused before anything is dialled", async () => {
  const { chainPem } = authority.agent("agent-client");
  const identity = { keyPem: authority.agent("agent-client").keyPem, chainPem };
  await assert.rejects(
    dialMutual({ ...dialOptions(1), roots: [authority.root], identity }),
    failsWith("link.identity_rejected"),
  );
});

test("a port where nothing listens is unreachable", async () => {
  const gone = await listening(createTcpServer());
  await gone[Symbol.asyncDispose]();
  await assert.rejects(dialPinned(dialOptions(gone.port)), (error) => {
    assert.ok(isTautlineError(error));
    assert.equal(error.code, "link.unreachable");
    assert.match(error.message, /127\.0\.0\.1:\d+: nothing listens there/);
    assert.equal(error.exitCode, 3);
    return true;
  });
});

test("a plaintext HTTP server is named as one that does not speak TLS", async () => {
  await using plain = await listening(createHttpServer());
  await assert.rejects(dialPinned(dialOptions(plain.port)), failsWith("link.not_tls"));
});

test("A24: a server that speaks TLS 1.2 only is refused, whatever certificate it has", async () => {
  await using old = await startImpostor(authority.central(), {
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
  });
  await assert.rejects(dialPinned(dialOptions(old.port)), failsWith("link.tls_version"));
});

test("a server that hangs up in the handshake is named as such", async () => {
  await using rude = await listening(
    createTcpServer((socket) => {
      socket.destroy();
    }),
  );
  await assert.rejects(dialPinned(dialOptions(rude.port)), failsWith("link.handshake_cut"));
});

test("a server that says nothing ends in the time limit, and its connection is closed", async () => {
  const hungUp = Promise.withResolvers<undefined>();
  await using silent = await listening(
    createTcpServer((socket) => {
      socket.resume().once("close", () => {
        hungUp.resolve(undefined);
      });
    }),
  );
  await assert.rejects(
    dialPinned({ ...dialOptions(silent.port), timeoutMs: 50 }),
    failsWith("link.timeout"),
  );
  await hungUp.promise;
});

test("giving up ends the dial at once, before it began and in the middle", async () => {
  const controller = new AbortController();
  await using silent = await listening(
    createTcpServer((socket) => {
      socket.resume();
      controller.abort();
    }),
  );
  const { signal } = controller;
  await assert.rejects(
    dialPinned({ ...dialOptions(silent.port), signal }),
    failsWith("link.cancelled"),
  );
  await assert.rejects(
    dialPinned({ ...dialOptions(silent.port), signal }),
    failsWith("link.cancelled"),
  );
});

test("giving up later does not touch a link that stands", async () => {
  const controller = new AbortController();
  await using central = await startAcceptor(authority);
  const { socket }: DialledLink = await dialPinned({
    ...dialOptions(central.port),
    signal: controller.signal,
  });
  const there = await central.nextSecured();
  controller.abort();
  const heard = once(there.socket, "data");
  socket.write("still here");
  assert.equal(String((await heard)[0]), "still here");
  socket.destroy();
});

test("every dial asks for central's own name by SNI, whatever name or address is dialled", async () => {
  const names: (string | false | null | undefined)[] = [];
  const asked = Promise.withResolvers<undefined>();
  await using impostor = await startImpostor(createFleetAuthority().central(), {
    SNICallback: (name, done) => {
      names.push(name);
      asked.resolve(undefined);
      done(null);
    },
  });
  await assert.rejects(dialPinned({ ...dialOptions(impostor.port), host: "localhost" }));
  await asked.promise;
  await assert.rejects(dialPinned(dialOptions(impostor.port)));
  const own = `central.${authority.trustDomain}`;
  assert.deepEqual(names, [own, own]);
});
