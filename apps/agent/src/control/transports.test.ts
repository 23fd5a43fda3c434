import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import {
  agentIdToBytes,
  decodeServerToAgent,
  encodeAgentToServer,
  isTautlineError,
  LIMITS,
  TautlineError,
  toProblem,
} from "@tautline/protocol";
import { createKeyPair, exportPrivateKey } from "@tautline/pki";
import { startStandInCentral, type StandInCentral } from "@tautline/testing";
import { sampleIdentity } from "../../test/sample-states.ts";
import { mutualDial, pinnedDial } from "./dial-central.ts";
import type { ControlTransport, Dial } from "./transport.ts";
import { openTransportFor } from "./transports.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const instanceUid = agentIdToBytes(ID);
const message = encodeAgentToServer({ instanceUid, sequenceNum: 1n });
const limits = { timeoutMs: 10_000, now: () => Date.now() };
const MAX_BYTES = LIMITS.opampMessageBytes.value;

/** An open transport and what it told. */
interface Scene {
  readonly central: StandInCentral;
  readonly transport: ControlTransport;
  /** Resolves with the next answer. */
  readonly nextAnswer: () => Promise<Uint8Array>;
  readonly closed: Promise<TautlineError | undefined>;
}

function dialTo(central: StandInCentral): Dial {
  const { authority } = central;
  const key = createKeyPair("p256");
  const clientChainPem = authority.issueAgentLeaf({
    namespace: "default",
    agentId: ID,
    publicKey: key.publicKey,
    purpose: "client",
  });
  const identity = { ...sampleIdentity, clientChainPem, rootsPem: authority.rootPem };
  const keys = { client: exportPrivateKey(key.privateKey), server: "" };
  return mutualDial(identity, keys, limits);
}

async function open(central: StandInCentral, name: "websocket" | "polling"): Promise<Scene> {
  const answers = new EventTarget();
  const closed = Promise.withResolvers<TautlineError | undefined>();
  const transport = await openTransportFor(name)({
    address: central.address,
    dial: dialTo(central),
    signal: new AbortController().signal,
    headers: { "X-Test": "1" },
    events: {
      onMessage: (bytes) => answers.dispatchEvent(new CustomEvent("answer", { detail: bytes })),
      onClosed: (error) => closed.resolve(error),
    },
  });
  const nextAnswer = async (): Promise<Uint8Array> => {
    const [event] = (await once(answers, "answer")) as [CustomEvent<Uint8Array>];
    return event.detail;
  };
  return { central, transport, nextAnswer, closed: closed.promise };
}

const isError = (code: string) => (error: unknown) => isTautlineError(error) && error.code === code;

/** What a session may lean on, whichever transport it is given. */
for (const name of ["websocket", "polling"] as const) {
  const withTransport = async (use: (scene: Scene) => Promise<void>): Promise<void> => {
    const central = await startStandInCentral();
    try {
      const scene = await open(central, name);
      await use(scene);
      await scene.transport.close();
    } finally {
      await central.close();
    }
  };

  test(`${name}: a message arrives whole, its answer comes back, the link is what it says`, async () => {
    await withTransport(async ({ central, transport, nextAnswer }) => {
      for (const sequenceNum of [1n, 2n]) {
        const answer = nextAnswer();
        transport.send(encodeAgentToServer({ instanceUid, sequenceNum }));
        const { instanceUid: echoed } = decodeServerToAgent(await answer, MAX_BYTES);
        assert.deepEqual(echoed, instanceUid);
      }
      assert.deepEqual(
        central.received.map((one) => one.message.sequenceNum),
        [1n, 2n],
      );
      assert.deepEqual(
        central.received.map(({ link }) => link),
        [1, 1],
      );
      assert.equal(transport.evidence.level, "mtls");
      assert.equal(transport.address, central.address);
    });
  });

  test(`${name}: closing sends what was handed over, then tells that it is closed, without an error of ours`, async () => {
    const central = await startStandInCentral();
    try {
      const { transport, closed } = await open(central, name);
      transport.send(message);
      await transport.close();
      await central.waitFor((one) => one.message.sequenceNum === 1n);
      const error = await closed;
      assert.ok(error === undefined || error.code === "agent.link_closed");
    } finally {
      await central.close();
    }
  });

  test(`${name}: a cut connection is told with a reason`, async () => {
    await withTransport(async ({ central, transport, closed }) => {
      central.behaviour.answer = () => undefined;
      transport.send(message);
      await central.waitFor(() => true);
      central.cut();
      const error = await closed;
      assert.match(error?.code ?? "", /^(link\.broken|agent\.link_closed)$/);
    });
  });

  test(`${name}: a refusal carries central's code and its Retry-After`, async () => {
    const central = await startStandInCentral();
    const problem = toProblem(new TautlineError("admission.agent_revoked", { detail: { id: ID } }));
    const headers = { "Content-Type": "application/problem+json", "Retry-After": "42" };
    central.behaviour.refuse = () => ({ status: 503, headers, body: JSON.stringify(problem) });
    try {
      const refused = async (): Promise<never> => {
        const { transport, closed } = await open(central, name);
        transport.send(message);
        throw await closed;
      };
      await assert.rejects(
        refused,
        (error) =>
          isTautlineError(error) &&
          error.code === "link.refused" &&
          error.detail["code"] === "admission.agent_revoked" &&
          error.detail["retryAfterSeconds"] === 42,
      );
    } finally {
      await central.close();
    }
  });

  test(`A29, ${name}: an answer one byte over the limit is not taken in`, async () => {
    await withTransport(async ({ central, transport, closed }) => {
      central.behaviour.answer = () => new Uint8Array(MAX_BYTES + 1);
      transport.send(message);
      const error = await closed;
      assert.match(error?.code ?? "", /^(link\.answer_malformed|link\.broken|agent\.link_closed)$/);
    });
  });

  test(`${name}: headers go along with the request`, async () => {
    const central = await startStandInCentral();
    const seen = Promise.withResolvers<string | string[] | undefined>();
    central.behaviour.refuse = (request) => {
      seen.resolve(request.headers["x-test"]);
      return undefined;
    };
    try {
      const { transport } = await open(central, name);
      transport.send(message);
      assert.equal(await seen.promise, "1");
      await transport.close();
    } finally {
      await central.close();
    }
  });
}

test("polling dials anew, at the same level, when central has closed the connection between two polls", async () => {
  const central = await startStandInCentral();
  try {
    const { transport, nextAnswer } = await open(central, "polling");
    const first = nextAnswer();
    transport.send(message);
    await first;
    central.cut();
    // The agent has to see the end of the connection first; then the next poll must not meet it.
    const { socket } = await dialTo(central)(central.address, new AbortController().signal);
    socket.destroy();
    const second = nextAnswer();
    transport.send(message);
    await second;
    assert.deepEqual(
      central.received.map(({ evidence }) => evidence.level),
      ["mtls", "mtls"],
    );
    assert.notEqual(central.received[0]?.link, central.received[1]?.link);
    await transport.close();
  } finally {
    await central.close();
  }
});

test("a pinned dial reaches level tls with central proven; a mutual one never settles for it", async () => {
  const central = await startStandInCentral();
  const { signal } = new AbortController();
  try {
    const ticket = {
      addresses: [central.address],
      pins: [central.authority.rootPin.toString("base64url")],
      trustDomain: "fleet.test",
      namespace: "default",
      tokenId: "t",
      secret: "",
    };
    const pinned = await pinnedDial(ticket, limits)(central.address, signal);
    assert.deepEqual(
      [pinned.evidence.level, pinned.evidence.serverProven, pinned.evidence.clientProven],
      ["tls", true, false],
    );
    pinned.socket.destroy();
    const mutual = await dialTo(central)(central.address, signal);
    assert.deepEqual([mutual.evidence.level, mutual.evidence.clientProven], ["mtls", true]);
    mutual.socket.destroy();
    await assert.rejects(dialTo(central)("127.0.0.1:0", signal), isError("link.address_malformed"));
  } finally {
    await central.close();
  }
});

test("a WebSocket frame that is text, or has no header, ends the link as malformed", async () => {
  for (const answer of [Uint8Array.of(), Uint8Array.of(0x0a)]) {
    const central = await startStandInCentral();
    try {
      const { transport, closed } = await open(central, "websocket");
      central.behaviour.answer = () => undefined;
      transport.send(message);
      await central.waitFor(() => true);
      central.pushRaw(answer.length === 0 ? "text" : answer);
      assert.equal((await closed)?.code, "opamp.malformed");
      await transport.close();
    } finally {
      await central.close();
    }
  }
});
