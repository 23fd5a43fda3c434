import assert from "node:assert/strict";
import {
  changeAt,
  linksOf,
  type PolicyScene,
  type ShownChange,
} from "../test/integration/policy-scene.ts";
import type { Items } from "../test/running-central.ts";
import type { Row } from "./benchmark.ts";
import { lookUntil, secondsSince } from "./drill-look.ts";

/** A link whose peer is silent is ended after up to a minute, so no shorter window sees it (decision 0028). */
const WINDOW_MS = Number(process.env["DRILL_SILENCE_MS"] ?? "90000");
const UNDO_IF = 5;

/** A fleet that has gone up to mtls, with those that cannot. */
export interface RisenFleet {
  readonly scene: PolicyScene;
  /** The processes of those that are at mtls, by agent's id. */
  readonly risen: ReadonlyMap<string, number>;
  /** Who may be cut off. */
  readonly named: readonly string[];
  /** Those of them that have an identity, and would be let back in by an undo. */
  readonly identified: readonly string[];
  readonly say: (text: string) => void;
}

/**
 * A25: agents that fall silent while a change is watched leave the others alone, and bring back what was before when they are many; that
 * lets nobody back in who was revoked before the change or while it was watched (A6, A24).
 *
 * @param fleet all of it linked, without a policy
 */
export async function blackHole(fleet: RisenFleet): Promise<Row[]> {
  const size = fleet.risen.size + fleet.named.length;
  const few = Math.max(1, Math.round((size * 3) / 100));
  const many = Math.round((size * 40) / 100);
  const undoIf = Math.max(UNDO_IF, Math.ceil((few * 100) / fleet.risen.size));
  const [before] = fleet.identified;
  const [during] = fleet.risen.keys();
  assert.ok(before !== undefined && during !== undefined);
  await revoke(fleet.scene, before);
  const known = without(fleet, before);
  // The undo of the first leaves the fleet as the second needs it.
  const manyS = await silence(known, {
    silent: [...known.risen.keys()].slice(0, many),
    undoIf,
    ends: "undone",
    revoked: during,
  });
  const left = without(known, during);
  await staysOut(left, [before, during]);
  const silent = [...left.risen.keys()].slice(0, few);
  const fewS = await silence(left, { silent, undoIf, ends: "done" });
  return [
    { what: `${many} silent, to the undo of the change`, unit: "s", values: [manyS] },
    { what: `${few} silent, to the end of the change`, unit: "s", values: [fewS] },
  ];
}

/** What is done to a fleet, and what has to come of it. */
export interface Silence {
  /** Ids; whoever shares a process with one of them is among them. */
  readonly silent: readonly string[];
  /** Percent. */
  readonly undoIf: number;
  readonly ends: "done" | "undone";
  /** One of the silent, who is revoked while the change is watched. */
  readonly revoked?: string;
}

/**
 * Applies mtls to a fleet that is there already, stops some of it while it is watched, and requires that nobody else loses its link.
 *
 * @param fleet all of it linked
 * @param how who is stopped, and how the change has to end
 * @returns seconds from the silence to the end of the change
 */
export async function silence(
  { scene, risen, named, say }: Omit<RisenFleet, "identified">,
  { silent, undoIf, ends, revoked }: Silence,
): Promise<number> {
  const isSilent = new Set(silent);
  const pids = new Set(silent.flatMap((id) => risen.get(id) ?? []));
  const wanted = { namespace: "default", floor: "mtls", loopback: "off" };
  const order = { ...wanted, windowMs: WINDOW_MS, undoIf, allowCutOff: named };
  const { id } = await scene.call<ShownChange>("POST", "/api/v1/policy/apply", order);
  await changeAt(scene, id, "watching");
  const before = await linksOf(scene);
  const began = performance.now();
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  let change: ShownChange | undefined;
  try {
    if (revoked !== undefined) await revoke(scene, revoked);
    await lookUntil("the change has ended", async () => {
      change = await scene.call<ShownChange>("GET", `/api/v1/policy/changes/${id}`);
      return change.step === "done" || change.step === "undone";
    });
    const after = await linksOf(scene);
    for (const other of [...risen.keys()].filter((each) => !isSilent.has(each)))
      assert.equal(after.get(other)?.id, before.get(other)?.id, `${other} lost its link`);
  } finally {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  }
  say(
    `${silent.length} silent: ${change?.step} ${change?.reason} ${JSON.stringify(change?.counts)}, ${risen.size - silent.length} others untouched`,
  );
  assert.deepEqual([change?.step, change?.counts.excepted], [ends, 0]);
  return secondsSince(began);
}

/** Waits until each of the revoked has come after the undo and was refused as such, and all others are linked and they are not. */
async function staysOut(
  { scene, risen, named, say }: RisenFleet,
  revoked: readonly string[],
): Promise<void> {
  const earlier = new Map<string, number>();
  for (const id of revoked) earlier.set(id, await timesRefused(scene, id));
  const everybodyElse = risen.size + named.length;
  let links = await linksOf(scene);
  await lookUntil("all but the revoked are linked, and those were refused", async () => {
    for (const [id, times] of earlier) if ((await timesRefused(scene, id)) === times) return false;
    links = await linksOf(scene);
    assert.deepEqual(
      revoked.filter((id) => links.has(id)),
      [],
    );
    return links.size === everybodyElse;
  });
  say(`after the undo ${links.size} are linked; ${revoked.length} revoked came and were refused`);
}

/** How often it was refused because it is revoked. */
async function timesRefused(scene: PolicyScene, id: string): Promise<number> {
  interface Line {
    readonly refused: string | null;
    readonly links: number;
  }
  const path = `/api/v1/links/history?agent=${id}`;
  const { items } = await scene.call<Items<Line>>("GET", path);
  return items
    .filter(({ refused }) => refused === "admission.agent_revoked")
    .reduce((sum, { links }) => sum + links, 0);
}

function revoke(scene: PolicyScene, id: string): Promise<unknown> {
  return scene.call("POST", `/api/v1/agents/${id}/revoke`);
}

function without(fleet: RisenFleet, id: string): RisenFleet {
  const isOther = (each: string): boolean => each !== id;
  return {
    ...fleet,
    risen: new Map([...fleet.risen].filter(([each]) => isOther(each))),
    named: fleet.named.filter(isOther),
    identified: fleet.identified.filter(isOther),
  };
}
