import assert from "node:assert/strict";
import { chmodSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  AGENT_ATTRIBUTES,
  agentIdFromBytes,
  attributesToRecord,
  ConnectionSettingsStatuses,
  isTautlineError,
  RemoteConfigStatuses,
  ServerErrorResponseType,
  TautlineError,
  toProblem,
  toWireText,
  type ErrorCode,
} from "@tautline/protocol";
import {
  createTestAuthority,
  offerSettings,
  startStandInCentral,
  withTempFolder,
  type StandInCentral,
} from "@tautline/testing";
import { makeTestAgent, type TestAgent } from "../test/running-agent.ts";
import { readStatus } from "./status/status-reader.ts";

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;

async function withCentral(
  use: (central: StandInCentral, path: string) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const central = await startStandInCentral();
    try {
      await use(central, join(folder, "agent"));
    } finally {
      await central.close();
    }
  });
}

function stateOnDisk({ folder }: TestAgent): string {
  return readFileSync(folder.settings, "utf8");
}

for (const transport of ["websocket", "polling"]) {
  test(`over ${transport} an agent joins by the pin, proves its identity over mtls, and only then drops the token`, async () => {
    await withCentral(async (central, path) => {
      const subject = makeTestAgent(path, { yaml: `central: { transport: ${transport} }` });
      const { agentId } = await subject.join(central.makeToken());
      const [asked, proved] = central.received;
      assert.deepEqual([asked?.evidence.level, asked?.link], ["tls", 1]);
      assert.match(asked?.authorization ?? "", /^Bearer stand-in\.[\w-]{43}$/);
      assert.deepEqual([proved?.evidence.level, proved?.link], ["mtls", 2]);
      assert.equal(proved?.authorization, undefined);
      assert.equal(proved?.evidence.peerId, `spiffe://default.fleet.test/agent/${agentId}`);
      await central.waitFor(({ message }) => message.agentDisconnect !== undefined);
      const told = central.received.map(({ message }) => message.connectionSettingsStatus?.status);
      assert.deepEqual(told, [
        undefined,
        ConnectionSettingsStatuses.APPLYING,
        ConnectionSettingsStatuses.APPLIED,
        undefined,
      ]);
      assert.ok(!stateOnDisk(subject).includes("ticket"));
    });
  });
}

test("QM-3: says how its host gets a newer version, and which instructions people let it carry out", async () => {
  await withCentral(async (central, path) => {
    const yaml = "upgrade: manual\nallowedInstructions: [settings, addresses]\n";
    await makeTestAgent(path, { yaml }).join(central.makeToken());
    const [asked, proved] = central.received;
    for (const one of [asked, proved]) {
      const said = attributesToRecord(
        one?.message.agentDescription?.nonIdentifyingAttributes ?? [],
      );
      assert.equal(said[AGENT_ATTRIBUTES.upgrade], "manual");
      assert.equal(said[AGENT_ATTRIBUTES.instructions], "addresses,settings");
    }
  });
});

test("settings that come with the first answer are carried out and receipted before the join says goodbye", async () => {
  await withCentral(async (central, path) => {
    central.behaviour.answer = (one) => {
      const answer = central.honestAnswer(one);
      if (one.evidence.level !== "mtls" || one.message.agentDescription === undefined)
        return answer;
      const agentId = agentIdFromBytes(one.message.instanceUid);
      const instruction = { agentId, namespace: "default", seq: 1n };
      const settings = '{"heartbeatSeconds":60}';
      const { authority } = central;
      const { instanceUid } = one.message;
      return { instanceUid, ...offerSettings({ authority, settings, instruction }) };
    };
    const state = await makeTestAgent(path).join(central.makeToken());
    assert.equal(state.last.settings.heartbeatSeconds, 60);
    const { message } = await central.waitFor(
      (one) => one.message.customMessage?.type === "receipt",
    );
    assert.equal(message.remoteConfigStatus?.status, RemoteConfigStatuses.APPLIED);
    await central.waitFor((one) => one.message.agentDisconnect !== undefined);
    const receipts = central.received.filter(
      (one) => one.message.customMessage?.type === "receipt",
    );
    assert.equal(receipts.length, 1);
  });
});

test("a running agent says that it is connected at each first answer, and shows it in its status", async () => {
  await withCentral(async (central, path) => {
    const subject = makeTestAgent(path);
    const { agentId } = await subject.join(central.makeToken());
    const running = subject.start();
    await central.waitFor(({ link }) => link === 3);
    central.cut();
    await central.waitFor(({ link }) => link === 4);
    // Asked over the socket, so the answer to the first message of link 4 may still be on its way.
    central.push({
      instanceUid: central.received.at(-1)?.message.instanceUid ?? new Uint8Array(),
      flags: 1n,
    });
    await central.waitFor(
      (one) => central.received.filter(({ link }) => link === 4).indexOf(one) === 1,
    );
    const status = await readStatus(subject.folder);
    assert.deepEqual([status.id, status.running, status.central.connected], [agentId, true, true]);
    assert.deepEqual(
      [status.link?.level, status.link?.peerId],
      ["mtls", "spiffe://fleet.test/central"],
    );
    assert.deepEqual(status.vault, { source: "key-file", strength: "weak" });
    assert.equal(subject.connected.length, 2);
    assert.equal(status.errors.at(-1)?.code, "agent.link_closed");
    await running.stop();
    assert.equal((await readStatus(subject.folder)).running, false);
    assert.notEqual(central.received.at(-1)?.message.agentDisconnect, undefined);
  });
});

test("A14: under umask 0 the folder is 0700 and everything in it 0600; a folder that stood open is closed", async () => {
  await withCentral(async (central, path) => {
    const before = process.umask(0);
    try {
      const subject = makeTestAgent(path);
      await subject.join(central.makeToken());
      chmodSync(path, 0o755);
      const running = subject.start();
      await central.waitFor(({ link }) => link === 3);
      assert.equal(lstatSync(path).mode & 0o777, 0o700);
      const names = readdirSync(path).toSorted();
      assert.deepEqual(names, [
        "agent.lock",
        "agent.sock",
        "audit.jsonl",
        "settings.json",
        "vault.json",
        "vault.key",
      ]);
      for (const name of names) assert.equal(lstatSync(join(path, name)).mode & 0o777, 0o600, name);
      await running.stop();
    } finally {
      process.umask(before);
    }
  });
});

test("F3: an answer that never came is asked for again with the same id and keys, and nothing else", async () => {
  await withCentral(async (central, path) => {
    central.behaviour.answer = (one) => {
      central.honestAnswer(one);
      central.cut();
      return undefined;
    };
    const first = makeTestAgent(path);
    await assert.rejects(first.join(central.makeToken()), fails("agent.link_closed"));
    delete central.behaviour.answer;
    // As after a crash: a new process, no token given again.
    const second = makeTestAgent(path);
    const running = second.start();
    await central.waitFor(({ link }) => link === 3);
    await running.stop();
    const [lost, again] = central.received;
    assert.deepEqual(again?.message.instanceUid, lost?.message.instanceUid);
    assert.equal(again?.evidence.level, "tls");
  });
});

test("F3: a candidate that was never proven is proven first, without asking again", async () => {
  await withCentral(async (central, path) => {
    central.behaviour.refuse = () => (central.received.length === 0 ? undefined : { status: 403 });
    const first = makeTestAgent(path);
    await assert.rejects(first.join(central.makeToken()), fails("link.refused"));
    assert.match(stateOnDisk(first), /"candidate"/);
    assert.equal((await readStatus(first.folder)).state, "verifying");
    delete central.behaviour.refuse;
    await makeTestAgent(path).join(central.makeToken());
    assert.deepEqual(central.received.map(({ evidence }) => evidence.level).slice(0, 2), [
      "tls",
      "mtls",
    ]);
  });
});

test("F3: a candidate whose certificate ran out meanwhile asks anew with the same token", async () => {
  await withCentral(async (central, path) => {
    central.behaviour.grant = { lifetimeMs: 60_000 };
    central.behaviour.refuse = () => (central.received.length === 0 ? undefined : { status: 403 });
    await assert.rejects(makeTestAgent(path).join(central.makeToken()), fails("link.refused"));
    delete central.behaviour.refuse;
    delete central.behaviour.grant;
    const clock = {
      now: () => Date.now() + 120_000,
      elapsed: () => performance.now(),
      after: (delayMs: number, task: () => void) => {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const later = makeTestAgent(path, { world: { clock } });
    const state = await later.join(central.makeToken());
    assert.equal(state.state, "committed");
    assert.deepEqual(
      central.received.slice(0, 3).map(({ evidence }) => evidence.level),
      ["tls", "tls", "mtls"],
    );
  });
});

test("a refused token leaves id and keys in place for the next token", async () => {
  await withCentral(async (central, path) => {
    const problem = toProblem(
      new TautlineError("enrolment.token_used_up", { detail: { uses: 1 } }),
    );
    central.behaviour.refuse = () => ({
      status: 401,
      headers: { "Content-Type": "application/problem+json" },
      body: JSON.stringify(problem),
    });
    const subject = makeTestAgent(path);
    await assert.rejects(
      subject.join(central.makeToken()),
      (error) => fails("link.refused")(error) && /token_used_up/.test(String(error)),
    );
    const { id } = await readStatus(subject.folder);
    central.behaviour.refuse = () => undefined;
    central.behaviour.answer = ({ message }) => ({
      instanceUid: message.instanceUid,
      errorResponse: {
        type: ServerErrorResponseType.BAD_REQUEST,
        errorMessage: toWireText(new TautlineError("enrolment.token_revoked")),
      },
    });
    await assert.rejects(
      subject.join(central.makeToken()),
      (error) => fails("agent.refused")(error) && /token_revoked/.test(String(error)),
    );
    delete central.behaviour.answer;
    assert.equal((await subject.join(central.makeToken())).agentId, id);
  });
});

test("a token for another central is named as such, and its secret is not sent there", async () => {
  await withCentral(async (central, path) => {
    const elsewhere = await startStandInCentral({ authority: createTestAuthority() });
    try {
      const subject = makeTestAgent(path);
      await assert.rejects(
        subject.join(elsewhere.makeToken([central.address])),
        fails("agent.token_for_another_central"),
      );
      assert.deepEqual(central.received, []);
    } finally {
      await elsewhere.close();
    }
  });
});

test("joined once, a token of the same central is left unused, one of another central refused", async () => {
  await withCentral(async (central, path) => {
    const subject = makeTestAgent(path);
    const { agentId } = await subject.join(central.makeToken());
    const [before, said] = [stateOnDisk(subject), central.received.length];
    assert.equal((await subject.join(central.makeToken())).agentId, agentId);
    const elsewhere = await startStandInCentral({ authority: createTestAuthority() });
    await assert.rejects(subject.join(elsewhere.makeToken()), fails("agent.already_joined"));
    await elsewhere.close();
    assert.equal(stateOnDisk(subject), before);
    assert.deepEqual([central.received.length, elsewhere.received], [said, []]);
  });
});

test("a hostile grant is taken over in no part: the agent stays joining", async () => {
  await withCentral(async (central, path) => {
    central.behaviour.grant = { change: { rootsPem: createTestAuthority().rootPem } };
    const subject = makeTestAgent(path);
    await assert.rejects(subject.join(central.makeToken()), fails("agent.grant_refused"));
    assert.equal((await readStatus(subject.folder)).state, "joining");
  });
});

test("nobody at the address: the join gives up after its rounds, and can be finished later", async () => {
  await withCentral(async (central, path) => {
    const gone = await startStandInCentral({ authority: central.authority });
    await gone.close();
    const subject = makeTestAgent(path);
    await assert.rejects(subject.join(gone.makeToken(), 2), fails("link.unreachable"));
    await subject.join(gone.makeToken([gone.address, central.address]));
    assert.equal(subject.logged.filter((line) => line.includes("link.unreachable")).length, 3);
  });
});

test("a second agent on the folder is refused while the first runs, and so is a join of it", async () => {
  await withCentral(async (central, path) => {
    const first = makeTestAgent(path);
    await first.join(central.makeToken());
    const running = first.start();
    await central.waitFor(({ link }) => link === 3);
    await assert.rejects(makeTestAgent(path).start().ended, fails("agent.already_running"));
    await assert.rejects(
      makeTestAgent(path).join(central.makeToken()),
      fails("agent.already_running"),
    );
    assert.equal((await readStatus(first.folder)).running, true);
    await running.stop();
  });
});

test("a folder that never joined has nothing to run", async () => {
  await withTempFolder(async (path) => {
    await assert.rejects(makeTestAgent(path).start().ended, fails("agent.not_joined"));
  });
});

test("RS-19: a passphrase in the variable seals the state; without it, or with another, the agent stays shut and changes nothing", async () => {
  await withCentral(async (central, path) => {
    const variables = { TAUTLINE_KEY: "correct horse battery staple" };
    await makeTestAgent(path, { variables }).join(central.makeToken());
    assert.ok(!readdirSync(path).includes("vault.key"));
    const before = readFileSync(join(path, "settings.json"));
    await assert.rejects(makeTestAgent(path).start().ended, fails("vault.source_absent"));
    const wrong = makeTestAgent(path, { variables: { TAUTLINE_KEY: "wrong" } });
    await assert.rejects(wrong.start().ended, fails("vault.open_failed"));
    assert.deepEqual(readFileSync(join(path, "settings.json")), before);
    assert.ok(!readdirSync(path).includes("vault.key"));
  });
});

test("F12: a damaged state file is named and left as it is; no new identity is made over it", async () => {
  await withCentral(async (central, path) => {
    const subject = makeTestAgent(path);
    await subject.join(central.makeToken());
    const damaged = stateOnDisk(subject).replace(/"seq": "0"/, '"seq": "1"');
    writeFileSync(subject.folder.settings, damaged);
    await assert.rejects(makeTestAgent(path).start().ended, fails("agent.settings_damaged"));
    await assert.rejects(
      makeTestAgent(path).join(central.makeToken()),
      fails("agent.settings_damaged"),
    );
    assert.equal(stateOnDisk(subject), damaged);
  });
});

test("revoked at the handshake or in the protocol, the agent keeps its identity and goes on asking", async () => {
  await withCentral(async (central, path) => {
    const subject = makeTestAgent(path);
    await subject.join(central.makeToken());
    const before = stateOnDisk(subject);
    const problem = toProblem(
      new TautlineError("admission.agent_revoked", { detail: { id: "x" } }),
    );
    let refusals = 0;
    const refusedTwice = Promise.withResolvers<void>();
    central.behaviour.refuse = () => {
      refusals += 1;
      if (refusals === 2) refusedTwice.resolve();
      return {
        status: 403,
        headers: { "Content-Type": "application/problem+json" },
        body: JSON.stringify(problem),
      };
    };
    const running = subject.start();
    await refusedTwice.promise;
    await running.stop();
    assert.equal(stateOnDisk(subject), before);
    assert.ok(subject.logged.some((line) => line.includes("admission.agent_revoked")));
    assert.equal(subject.connected.length, 0);
  });
});

test("promise 6: neither token nor keys stand in the log", async () => {
  await withCentral(async (central, path) => {
    central.behaviour.refuse = () => ({ status: 401 });
    const subject = makeTestAgent(path);
    const token = central.makeToken();
    await assert.rejects(subject.join(token));
    const log = subject.logged.join("");
    assert.ok(log.length > 0);
    assert.ok(!log.includes(token) && !log.includes("PRIVATE KEY"));
    assert.ok(!log.includes(Buffer.alloc(32, 7).toString("base64url")));
  });
});
