import assert from "node:assert/strict";
import {
  changeAt,
  linksOf,
  type PolicyScene,
  type ShownChange,
} from "../test/integration/policy-scene.ts";
import type { Row } from "./benchmark.ts";
import { lookUntil, secondsSince } from "./drill-look.ts";

/** A link whose peer is silent is ended after up to a minute, so no shorter window sees it (decision 0028). */
const WINDOW_MS = 90_000;
const UNDO_IF = 5;

/** A fleet that has gone up to mtls, with those that cannot. */
export interface RisenFleet {
  readonly scene: PolicyScene;
  /** The processes of those that are at mtls, by agent's id. */
  readonly risen: ReadonlyMap<string, number>;
  /** Who may be cut off. */
  readonly named: readonly string[];
  readonly say: (text: string) => void;
}

/**
 * A25: agents that fall silent while a change is watched leave the others alone, and bring back what was before when they are many.
 *
 * @param fleet all of it linked, without a policy
 */
export async function blackHole(fleet: RisenFleet): Promise<Row[]> {
  const size = fleet.risen.size + fleet.named.length;
  const few = Math.max(1, Math.round((size * 3) / 100));
  const many = Math.round((size * 40) / 100);
  const undoIf = Math.max(UNDO_IF, Math.ceil((few * 100) / fleet.risen.size));
  // The undo of the first leaves the fleet as the second needs it.
  const manyS = await silence(fleet, { agents: many, undoIf, ends: "undone" });
  await allLinked(fleet);
  const fewS = await silence(fleet, { agents: few, undoIf, ends: "done" });
  return [
    { what: `${many} silent, to the undo of the change`, unit: "s", values: [manyS] },
    { what: `${few} silent, to the end of the change`, unit: "s", values: [fewS] },
  ];
}

interface Silence {
  readonly agents: number;
  readonly undoIf: number;
  readonly ends: "done" | "undone";
}

/** @returns seconds from the silence to the end of the change */
async function silence(
  { scene, risen, named, say }: RisenFleet,
  { agents, undoIf, ends }: Silence,
): Promise<number> {
  const silent = [...risen].slice(0, agents);
  const wanted = { namespace: "default", floor: "mtls", loopback: "off" };
  const order = { ...wanted, windowMs: WINDOW_MS, undoIf, allowCutOff: named };
  const { id } = await scene.call<ShownChange>("POST", "/api/v1/policy/apply", order);
  await changeAt(scene, id, "watching");
  const before = await linksOf(scene);
  const began = performance.now();
  for (const [, pid] of silent) process.kill(pid, "SIGSTOP");
  let change: ShownChange | undefined;
  try {
    await lookUntil("the change has ended", async () => {
      change = await scene.call<ShownChange>("GET", `/api/v1/policy/changes/${id}`);
      return change.step === "done" || change.step === "undone";
    });
    const after = await linksOf(scene);
    for (const other of [...risen.keys()].slice(agents))
      assert.equal(after.get(other)?.id, before.get(other)?.id, `${other} lost its link`);
  } finally {
    for (const [, pid] of silent) process.kill(pid, "SIGCONT");
  }
  say(
    `${agents} silent: ${change?.step} ${change?.reason} ${JSON.stringify(change?.counts)}, ${risen.size - agents} others untouched`,
  );
  assert.deepEqual([change?.step, change?.counts.excepted], [ends, 0]);
  return secondsSince(began);
}

async function allLinked({ scene, risen, named }: RisenFleet): Promise<void> {
  const size = risen.size + named.length;
  await lookUntil("all are linked", async () => (await linksOf(scene)).size === size);
}
