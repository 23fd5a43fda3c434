import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import {
  CAPABILITY_ENROLMENT,
  customMessage,
  isTautlineError,
  ServerErrorResponseType,
  TautlineError,
  toProblem,
  toWireText,
  type ErrorCode,
} from "@tautline/protocol";
import { startStandInCentral, withTempFolder, type StandInCentral } from "@tautline/testing";
import { makeTestAgent, type TestAgent } from "../test/running-agent.ts";
import { joinAgent, leaveAgent } from "./main.ts";

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;
const never = new AbortController().signal;

interface Scene {
  readonly central: StandInCentral;
  readonly subject: TestAgent;
  readonly path: string;
}

/** An agent that has joined and does not run. */
async function withJoined(use: (scene: Scene) => Promise<void>, yaml = ""): Promise<void> {
  await withTempFolder(async (folder) => {
    const central = await startStandInCentral();
    const path = join(folder, "agent");
    try {
      const subject = makeTestAgent(path, { yaml });
      await subject.join(central.makeToken());
      await use({ central, subject, path });
    } finally {
      await central.close();
    }
  });
}

function acknowledgeLeave(central: StandInCentral): void {
  central.behaviour.answer = (one) => {
    const isLeave = one.message.customMessage?.type === "leave";
    const { instanceUid } = one.message;
    if (!isLeave) return central.honestAnswer(one);
    return {
      instanceUid,
      customMessage: customMessage(CAPABILITY_ENROLMENT, "left", new Uint8Array()),
    };
  };
}

for (const transport of ["websocket", "polling"]) {
  test(`over ${transport} an agent leaves by its own mutual link, and wipes its folder when that is acknowledged`, () =>
    withJoined(async ({ central, subject, path }) => {
      acknowledgeLeave(central);
      await subject.agent.leave(never);
      assert.equal(existsSync(path), false);
      const { evidence, message } = central.received.at(-1) ?? assert.fail();
      assert.deepEqual([evidence.level, message.customMessage?.type], ["mtls", "leave"]);
    }, `central: { transport: ${transport} }`));
}

test("an agent that reaches central through a proxy alone says good-bye through it, and does not go round it", () =>
  withJoined(async ({ central, subject, path }) => {
    acknowledgeLeave(central);
    const asked: string[] = [];
    const proxy = createServer().on("connect", ({ url = "" }, socket) => {
      asked.push(url);
      const onward = connect(Number(new URL(`http://${url}`).port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      for (const end of [socket, onward]) end.on("error", () => socket.destroy());
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    try {
      const { port } = proxy.address() as AddressInfo;
      const yaml = `central: { proxy: "http://127.0.0.1:${port}" }`;
      await makeTestAgent(path, { yaml }).agent.leave(never);
      assert.deepEqual(asked, [central.address]);
      assert.equal(existsSync(path), false);
      assert.equal(existsSync(subject.folder.settings), false);
    } finally {
      proxy.close();
    }
  }));

const REFUSALS: readonly (readonly [name: string, refuse: (central: StandInCentral) => void])[] = [
  [
    "an answer that acknowledges nothing",
    (central) => {
      central.behaviour.answer = ({ message: { instanceUid } }) => ({ instanceUid });
    },
  ],
  [
    "an error",
    (central) => {
      central.behaviour.answer = ({ message: { instanceUid } }) => ({
        instanceUid,
        errorResponse: {
          type: ServerErrorResponseType.UNAVAILABLE,
          errorMessage: toWireText(new TautlineError("central.unavailable")),
        },
      });
    },
  ],
  [
    "a refusal of the link for another reason",
    (central) => {
      const problem = toProblem(
        new TautlineError("admission.agent_quarantined", { detail: { id: "a1" } }),
      );
      central.behaviour.refuse = () => ({
        status: problem.status,
        headers: { "content-type": "application/problem+json" },
        body: JSON.stringify(problem),
      });
    },
  ],
];

for (const [name, refuse] of REFUSALS) {
  test(`F3: ${name} wipes nothing; with --force the host is wiped all the same`, () =>
    withJoined(async ({ central, subject, path }) => {
      refuse(central);
      await assert.rejects(subject.agent.leave(never), fails("agent.leave_unanswered"));
      assert.ok(existsSync(subject.folder.settings));
      await subject.agent.wipe();
      assert.equal(existsSync(path), false);
    }));
}

test("a central that cannot be reached wipes nothing", () =>
  withJoined(async ({ central, subject }) => {
    await central.close();
    await assert.rejects(subject.agent.leave(never), fails("agent.leave_unanswered"));
    assert.ok(existsSync(subject.folder.settings));
  }));

for (const code of ["admission.agent_revoked", "admission.agent_unknown"] as const) {
  test(`F3: a central that says '${code}' has acknowledged before: the folder is wiped`, () =>
    withJoined(async ({ central, subject, path }) => {
      const problem = toProblem(new TautlineError(code, { detail: { id: "a1" } }));
      central.behaviour.refuse = () => ({
        status: problem.status,
        headers: { "content-type": "application/problem+json" },
        body: JSON.stringify(problem),
      });
      await subject.agent.leave(never);
      assert.equal(existsSync(path), false);
    }));
}

test("whoever never finished a join has nobody to say good-bye as", () =>
  withTempFolder(async (folder) => {
    const central = await startStandInCentral();
    central.behaviour.refuse = () => ({ status: 401 });
    const subject = makeTestAgent(join(folder, "agent"));
    await assert.rejects(subject.join(central.makeToken()));
    await assert.rejects(subject.agent.leave(never), fails("agent.leave_unproven"));
    assert.ok(existsSync(subject.folder.settings));
    await central.close();
  }));

test("'agent leave' says what it did; where nothing was joined it says that", () =>
  withTempFolder(async (folder) => {
    const central = await startStandInCentral();
    const data = join(folder, "agent");
    const printed: string[] = [];
    const io = { stdout: (line: string) => void printed.push(line), signal: never };
    await assert.rejects(leaveAgent({ data }, io), fails("agent.not_joined"));
    await joinAgent({ token: central.makeToken(), data }, io);
    acknowledgeLeave(central);
    assert.equal(await leaveAgent({ data }, io), 0);
    assert.equal(printed[1], `Agent ${printed[0]} has left; its data on this host is wiped.`);
    assert.equal(existsSync(data), false);
    await central.close();
  }));

test("--force wipes a folder that cannot even be read any more, and says that central was not told", () =>
  withJoined(async ({ subject, path }) => {
    writeFileSync(subject.folder.settings, "{");
    chmodSync(subject.folder.settings, 0o600);
    const printed: string[] = [];
    const io = { stdout: (line: string) => void printed.push(line), signal: never };
    await assert.rejects(leaveAgent({ data: path }, io), fails("agent.settings_damaged"));
    await leaveAgent({ data: path, force: true, json: true }, io);
    assert.deepEqual(
      printed.map((line) => JSON.parse(line) as unknown),
      [{ id: null, told: false, wiped: true }],
    );
    assert.equal(existsSync(path), false);
  }));

test("an agent that runs on the folder is not wiped under its feet", () =>
  withJoined(async ({ central, subject }) => {
    const running = subject.start();
    await central.waitFor(
      ({ message }) => message.sequenceNum > 0n && message.health !== undefined,
    );
    const other = makeTestAgent(subject.folder.path);
    await assert.rejects(other.agent.leave(never), fails("agent.already_running"));
    await assert.rejects(other.agent.wipe(), fails("agent.already_running"));
    assert.ok(existsSync(subject.folder.settings));
    await running.stop();
  }));
