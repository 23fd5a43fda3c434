import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  ConnectionSettingsStatuses,
  decodeRenewalRequest,
  ServerErrorResponseType,
  TautlineError,
  toWireText,
  type AgentToServer,
} from "@tautline/protocol";
import {
  createTestAuthority,
  grantRenewal,
  startStandInCentral,
  withTempFolder,
  type StandInAnswer,
  type StandInCentral,
  type StandInMessage,
} from "@tautline/testing";
import { makeTestAgent, type TestAgent } from "../test/running-agent.ts";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { readOpenSettings } from "./settings/settings-file.ts";
import { readStatus } from "./status/status-reader.ts";

const LIFE_MS = 20_000;

/** Time a test can jump over; its timers ring in real time. */
interface JumpingClock extends Clock {
  jump(ms: number): void;
}

function createJumpingClock(): JumpingClock {
  let ahead = 0;
  const timers = new Set<{ readonly atMs: number; readonly task: () => void }>();
  const now = (): number => Date.now() + ahead;
  return {
    now,
    elapsed: () => performance.now() + ahead,
    after(delayMs, task) {
      const timer = { atMs: now() + delayMs, task };
      timers.add(timer);
      const ring = (): void => {
        if (timers.delete(timer)) task();
      };
      const callOff = systemClock.after(delayMs, ring);
      return () => {
        timers.delete(timer);
        callOff();
      };
    },
    jump(ms) {
      ahead += ms;
      for (const timer of timers) {
        if (timer.atMs > now() || !timers.delete(timer)) continue;
        timer.task();
      }
    },
  };
}

interface Scene {
  readonly central: StandInCentral;
  readonly subject: TestAgent;
  readonly clock: JumpingClock;
}

async function withJoined(
  use: (scene: Scene) => Promise<void>,
  { yaml = "", lifetimeMs = LIFE_MS } = {},
): Promise<void> {
  await withTempFolder(async (folder) => {
    const central = await startStandInCentral();
    central.behaviour.grant = { lifetimeMs };
    const clock = createJumpingClock();
    const subject = makeTestAgent(join(folder, "agent"), { yaml, world: { clock } });
    try {
      await subject.join(central.makeToken());
      await use({ central, subject, clock });
    } finally {
      await central.close();
    }
  });
}

const isRenewal = ({ message }: StandInMessage): boolean => message.customMessage?.type === "renew";
const renewals = (central: StandInCentral): StandInMessage[] => central.received.filter(isRenewal);
const counterOf = ({ customMessage }: AgentToServer): bigint =>
  decodeRenewalRequest(customMessage?.data ?? new Uint8Array()).counter;
const applied = (one: StandInMessage): boolean =>
  one.message.connectionSettingsStatus?.status === ConnectionSettingsStatuses.APPLIED;

/** The first message after `count` others that matches. */
async function after(
  central: StandInCentral,
  count: number,
  matches: (one: StandInMessage) => boolean,
): Promise<StandInMessage> {
  return central.waitFor((one) => central.received.indexOf(one) >= count && matches(one));
}

/** Lets the agent run until central has seen it, and gives it to `use`. */
async function whileRunning(scene: Scene, use: () => Promise<void>): Promise<void> {
  const { subject, central } = scene;
  const before = central.received.length;
  const running = subject.start();
  try {
    await after(central, before, applied);
    await use();
  } finally {
    await running.stop();
  }
}

function onDisk({ folder }: TestAgent) {
  const open = readOpenSettings(folder.settings);
  assert.ok(open?.state === "committed" && open.renewal !== undefined);
  return open;
}

for (const transport of ["websocket", "polling"]) {
  test(`F7: over ${transport} an identity is renewed three times at half of its life, each proven by a new link before the old goes`, async () => {
    const yaml = `central: { transport: ${transport} }`;
    await withJoined(
      async (scene) => {
        const { central, subject, clock } = scene;
        const serials = new Set([onDisk(subject).identity.clientChainPem]);
        await whileRunning(scene, async () => {
          for (const number of [1, 2, 3]) {
            const before = central.received.length;
            clock.jump(LIFE_MS / 2);
            // The stand-in's own clock does not jump.
            central.behaviour.grant = { lifetimeMs: LIFE_MS + (number * LIFE_MS) / 2 };
            const asked = await after(central, before, isRenewal);
            assert.equal(asked.evidence.level, "mtls");
            assert.equal(counterOf(asked.message), BigInt(number));
            const proof = await after(central, before, (one) => one.link > asked.link);
            assert.equal(proof.evidence.level, "mtls");
            assert.notEqual(proof.evidence.peerSerial, asked.evidence.peerSerial);
            await after(central, before, applied);
            serials.add(onDisk(subject).identity.clientChainPem);
          }
        });
        assert.equal(serials.size, 4);
        assert.deepEqual(
          subject.renewed.map(({ renewal }) => renewal.counter),
          [1n, 2n, 3n],
        );
        assert.deepEqual(
          central.received.filter(({ message }) => message.agentDisconnect !== undefined).length,
          2,
          "goodbye is said after the join and at the end, not when a link takes another's place",
        );
      },
      { yaml },
    );
  });
}

test("F3: keys are sealed on the disk before they are asked for, and a repeated request is the same", async () => {
  await withJoined(async (scene) => {
    const { central, subject, clock } = scene;
    let kept: ReturnType<typeof onDisk> | undefined;
    central.behaviour.answer = (one) => {
      if (!isRenewal(one)) return central.honestAnswer(one);
      kept ??= onDisk(subject);
      return renewals(central).length < 3
        ? { instanceUid: one.message.instanceUid }
        : central.honestAnswer(one);
    };
    await whileRunning(scene, async () => {
      const before = central.received.length;
      clock.jump(LIFE_MS / 2);
      for (const tries of [1, 2]) {
        await after(central, before, (one) => isRenewal(one) && renewals(central).length >= tries);
        clock.jump(1_500);
      }
      await after(central, before, applied);
    });
    assert.equal(kept?.renewal?.next?.counter, "1");
    assert.deepEqual([...new Set(renewals(central).map((one) => counterOf(one.message)))], [1n]);
    assert.equal(onDisk(subject).renewal?.made, 1);
    const text = readFileSync(subject.folder.settings, "utf8");
    assert.ok(!text.includes("nextClientKey"), "one live key pair afterwards");
  });
});

const BAD_GRANTS: Readonly<
  Record<string, (one: StandInMessage, central: StandInCentral) => StandInAnswer>
> = {
  "from another root": ({ message }) =>
    grantRenewal(message, {
      authority: createTestAuthority(),
      namespace: "default",
      addresses: ["a:1"],
    }),
  "with another number": (one, central) => changed(one, central, { renewalCounter: 7n }),
  "for another namespace": (one, central) => changed(one, central, { namespace: "other" }),
  "with another instructor": (one, central) =>
    changed(one, central, { instructorKeyPem: createTestAuthority().instructorKeyPem }),
  "with another epoch": (one, central) => changed(one, central, { signerEpoch: 2 }),
};

function changed(
  { message }: StandInMessage,
  { authority, address }: StandInCentral,
  change: NonNullable<Parameters<typeof grantRenewal>[1]["change"]>,
): StandInAnswer {
  return grantRenewal(message, { authority, namespace: "default", addresses: [address], change });
}

for (const [what, answer] of Object.entries(BAD_GRANTS)) {
  test(`A10: a renewal ${what} is refused; the identity in use goes on and the next request has a new number`, async () => {
    await withJoined(async (scene) => {
      const { central, subject, clock } = scene;
      const { identity } = onDisk(subject);
      central.behaviour.answer = (one) =>
        isRenewal(one) && renewals(central).length === 1
          ? answer(one, central)
          : central.honestAnswer(one);
      await whileRunning(scene, async () => {
        const before = central.received.length;
        clock.jump(LIFE_MS / 2);
        const failed = await after(
          central,
          before,
          ({ message }) =>
            message.connectionSettingsStatus?.status === ConnectionSettingsStatuses.FAILED,
        );
        assert.match(failed.message.connectionSettingsStatus?.errorMessage ?? "", /does not fit/);
        const { errors } = await readStatus(subject.folder);
        assert.equal(errors.at(-1)?.code, "agent.renewal_refused");
        assert.deepEqual(onDisk(subject).identity, identity);
        clock.jump(2_000);
        const again = await after(central, before, (one) => renewals(central).indexOf(one) === 1);
        assert.equal(counterOf(again.message), 2n);
        await after(central, before, applied);
      });
      assert.equal(onDisk(subject).renewal?.counter, "2");
    });
  });
}

test("A4: a grant that nobody asked for is refused as unsigned and audited", async () => {
  await withJoined(async (scene) => {
    const { central, subject } = scene;
    const before = onDisk(subject);
    await whileRunning(scene, async () => {
      const { instanceUid } = central.received.at(-1)?.message ?? {};
      const join = central.received[0];
      assert.ok(join !== undefined && instanceUid !== undefined);
      central.push(central.honestAnswer(join));
      const { message } = await central.waitFor(
        (one) => one.message.customMessage?.type === "receipt",
      );
      assert.notEqual(message.customMessage, undefined);
    });
    assert.deepEqual(onDisk(subject), before);
    assert.match(readFileSync(subject.folder.audit, "utf8"), /instruction\.unsigned/);
  });
});

test("an identity that central then refuses is deleted; the old one goes on", async () => {
  await withJoined(async (scene) => {
    const { central, subject, clock } = scene;
    const { identity } = onDisk(subject);
    const newest = (): string | undefined =>
      onDisk(subject).renewal?.next?.granted?.identity.offerHash;
    let refused = 0;
    central.behaviour.answer = (one) => {
      const isNew = one.link > 3 && newest() !== undefined && refused === 0;
      if (!isNew || isRenewal(one)) return central.honestAnswer(one);
      refused += 1;
      const error = toWireText(new TautlineError("admission.certificate_unknown"));
      const type = ServerErrorResponseType.BAD_REQUEST;
      return {
        instanceUid: one.message.instanceUid,
        errorResponse: { type, errorMessage: error },
      };
    };
    await whileRunning(scene, async () => {
      const before = central.received.length;
      clock.jump(LIFE_MS / 2);
      await after(central, before, (one) => one.link > 3 && refused === 1);
      const back = await after(central, before, (one) => one.link > 4);
      assert.equal(back.evidence.level, "mtls");
      assert.deepEqual(onDisk(subject).identity, identity);
      clock.jump(3_000);
      await after(central, before, (one) => isRenewal(one) && counterOf(one.message) === 2n);
      await after(central, before, (one) => one.link > back.link && applied(one));
    });
    assert.equal(onDisk(subject).renewal?.counter, "2");
  });
});

test("F5: an identity that expired is renewed by a link of its own before anything else is said, with no human", async () => {
  await withJoined(async (scene) => {
    const { central, subject, clock } = scene;
    clock.jump(LIFE_MS + 60_000);
    central.behaviour.grant = { lifetimeMs: LIFE_MS + 120_000 };
    const before = central.received.length;
    const running = subject.start();
    const [asked, proof] = [
      await after(central, before, isRenewal),
      await after(central, before, applied),
    ];
    assert.equal(asked.message.agentDescription, undefined);
    assert.ok(proof.link > asked.link);
    await running.stop();
    assert.equal(onDisk(subject).renewal?.counter, "1");
  });
});

test("F5: an agent whose clock sees no reason renews when central says that the certificate has expired", async () => {
  await withJoined(async (scene) => {
    const { central, subject } = scene;
    central.behaviour.answer = (one) => {
      if (isRenewal(one) || renewals(central).length > 0) return central.honestAnswer(one);
      const error = new TautlineError("admission.renew_only", { detail: { expiredAt: "then" } });
      const type = ServerErrorResponseType.BAD_REQUEST;
      return {
        instanceUid: one.message.instanceUid,
        errorResponse: { type, errorMessage: toWireText(error) },
      };
    };
    const running = subject.start();
    const asked = await central.waitFor(isRenewal);
    await after(central, central.received.indexOf(asked), applied);
    await running.stop();
    assert.equal(onDisk(subject).renewal?.counter, "1");
  });
});

test("F3: an agent that stopped between grant and proof proves the granted identity at its next start", async () => {
  await withJoined(async (scene) => {
    const { central, subject, clock } = scene;
    await whileRunning(scene, async () => {
      const before = central.received.length;
      const links = Math.max(...central.received.map(({ link }) => link));
      central.behaviour.answer = (one) =>
        one.link > links ? undefined : central.honestAnswer(one);
      clock.jump(LIFE_MS / 2);
      await after(central, before, (one) => one.link > links);
    });
    const granted = onDisk(subject).renewal?.next?.granted?.identity;
    assert.notEqual(granted, undefined);
    central.behaviour.answer = (one) => central.honestAnswer(one);
    await whileRunning(scene, async () => {});
    assert.deepEqual(onDisk(subject).identity, granted);
    assert.equal(renewals(central).length, 1);
  });
});
