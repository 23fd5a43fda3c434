import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { TLSSocket } from "node:tls";
import { evidenceOf } from "@tautline/link";
import { parseSpiffeId } from "@tautline/protocol";
import { startStandInCentral, withTempFolder } from "@tautline/testing";

import { answerForwards, startTarget } from "../../test/forward-central.ts";
import { makeTestAgent, type TestAgent } from "../../test/running-agent.ts";
import { readStatus } from "../status/status-reader.ts";
import type { AgentStatus } from "../status/agent-status.ts";

async function statusWhen(
  { folder }: TestAgent,
  isSo: (status: AgentStatus) => boolean,
): Promise<AgentStatus> {
  for (;;) {
    const status = await readStatus(folder);
    if (isSo(status)) return status;
  }
}

test("a joined agent listens for its forwards once central has answered, carries over its own mtls, and shows the counts", () =>
  withTempFolder(async (path) => {
    await using target = await startTarget((socket) => void socket.pipe(socket));
    const central = await startStandInCentral();
    const levels: unknown[] = [];
    central.behaviour.takeUpgrade = (request, socket, head) => {
      if (request.url !== "/v1/forward") return false;
      const evidence = socket instanceof TLSSocket ? evidenceOf(socket) : undefined;
      const who = parseSpiffeId(evidence?.peerId ?? "");
      levels.push([evidence?.level, who.kind === "agent" && who.agentId]);
      answerForwards(socket, head, { target: target.port });
      return true;
    };
    const yaml = `forwards: { db: { listen: "unix:db.sock", warm: 2 } }`;
    const subject = makeTestAgent(join(path, "agent"), { yaml });
    const { agentId } = await subject.join(central.makeToken());
    assert.deepEqual((await readStatus(subject.folder)).forwards, []);
    const running = subject.start();
    await central.waitFor(({ link }) => link === 3);
    await statusWhen(subject, ({ forwards: [db] }) => db?.listening === true);

    const program = connect({ path: join(subject.folder.path, "db.sock"), allowHalfOpen: true });
    program.end("over a proven link");
    assert.equal(String(await once(program, "data")), "over a proven link");
    await once(program.resume(), "end");
    const status = await statusWhen(subject, ({ forwards: [db] }) => db?.open === 0);
    assert.deepEqual(status.forwards, [
      {
        name: "db",
        origin: "local",
        listen: `unix:${join(subject.folder.path, "db.sock")}`,
        listening: true,
        open: 0,
        total: 1,
        sentBytes: 18,
        receivedBytes: 18,
        refused: 0,
        cut: 0,
      },
    ]);
    assert.ok(levels.length >= 2);
    for (const level of levels) assert.deepEqual(level, ["mtls", agentId]);
    await running.stop();
    assert.deepEqual((await readStatus(subject.folder)).forwards, []);
    await central.close();
  }));

test("an agent whom central refuses forwards stays connected, and says why they do not work", () =>
  withTempFolder(async (path) => {
    const central = await startStandInCentral();
    central.behaviour.takeUpgrade = (request, socket) => {
      if (request.url !== "/v1/forward") return false;
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      return true;
    };
    const yaml = `forwards: { db: { listen: "127.0.0.1:0" } }`;
    const subject = makeTestAgent(join(path, "agent"), { yaml });
    await subject.join(central.makeToken());
    const running = subject.start();
    await central.waitFor(({ link }) => link === 3);
    const { central: link, errors } = await statusWhen(subject, (one) => one.errors.length > 0);
    assert.equal(link.connected, true);
    assert.equal(errors[0]?.code, "agent.forward_dial_failed");
    assert.match(errors[0]?.text ?? "", /404/);
    await running.stop();
    await central.close();
  }));
