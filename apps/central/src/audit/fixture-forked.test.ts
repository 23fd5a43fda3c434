/* Equipment: a central whose database was restored from an older copy, and what was seen of it before. No tests of its own. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  CAPABILITY_AUDIT,
  checkpointFromJson,
  customMessage,
  encodeForkReport,
  type SignedCheckpoint,
} from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { described, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  joinOver,
  openControl,
  runOn,
  type StartOptions,
  type TestCentral,
} from "../fixture-central.test.ts";

/** The newest checkpoint of a central that runs. */
export async function headOf(central: Pick<TestCentral, "dataDir">): Promise<SignedCheckpoint> {
  const head = await admin<unknown>(central, "GET", "/api/v1/audit/head");
  return checkpointFromJson(head) ?? assert.fail("the head is no checkpoint");
}

/**
 * Gives `use` a central that was stopped, copied, run again, stopped, and then put back to the copy.
 *
 * @param use gets the central, and the newest checkpoint of the time that was undone
 */
export async function withRestoredCentral(
  use: (central: TestCentral, seen: SignedCheckpoint) => Promise<void>,
  options: StartOptions = {},
): Promise<void> {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "data");
    const copy = join(folder, "copy");
    await runOn(dataDir, async () => {}, options);
    cpSync(dataDir, copy, { recursive: true });
    await runOn(dataDir, async () => {}, options);
    const seen: SignedCheckpoint[] = [];
    // What it signed when it stopped is shown only when it runs again.
    await runOn(dataDir, async (central) => void seen.push(await headOf(central)), options);
    rmSync(dataDir, { recursive: true });
    cpSync(copy, dataDir, { recursive: true });
    const [head] = seen;
    assert.ok(head);
    await runOn(dataDir, (central) => use(central, head), options);
  });
}

/** Lets a new agent report what it has seen; gives its id and the id of the fork. */
export async function reportFork(
  central: TestCentral,
  seen: SignedCheckpoint,
): Promise<{ readonly agent: string; readonly fork: string }> {
  const agent = await joinOver(central);
  const link = await openControl(central, agent);
  const data = encodeForkReport({ seen, shown: await headOf(central) });
  const fork = { customMessage: customMessage(CAPABILITY_AUDIT, "fork", data) };
  link.send(messageOf(agent.id, 1, { ...described(), ...fork }));
  const answer = await link.next();
  assert.equal(answer.errorResponse?.errorMessage ?? "", "");
  link.close();
  const { items } = await admin<{ items: { id: string }[] }>(central, "GET", "/api/v1/audit/forks");
  return { agent: agent.id, fork: items[0]?.id ?? "" };
}
