import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { z } from "zod";
import { described, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  callAdmin,
  joinOver,
  openControl,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import type { changeField, changePageField } from "./change-fields.ts";

type ChangeView = z.output<typeof changeField>;
type ChangePage = z.output<typeof changePageField>;

const apply = (central: TestCentral, body: object): Promise<ChangeView> =>
  admin<ChangeView>(central, "POST", "/api/v1/policy/apply", body);
const page = (central: TestCentral, id: number): Promise<ChangePage> =>
  admin<ChangePage>(central, "GET", `/api/v1/policy/changes/${id}`);

async function linkedAgent(central: TestCentral): Promise<string> {
  const agent = await joinOver(central);
  const link = await openControl(central, agent);
  link.send(messageOf(agent.id, 1, described()));
  await link.next();
  return agent.id;
}

/** Lets central's own clock run turn by turn until a change is at a step. */
async function at(central: TestCentral, id: number, step: string): Promise<ChangePage> {
  for (;;) {
    const shown = await page(central, id);
    if (shown.step === step) return shown;
    central.clock.advance(250);
  }
}

describe("changes of policy over the API", () => {
  it("begins one with the defaults of the house, shows it on its way, and lists it when it is done", () =>
    withCentral(async (central) => {
      await linkedAgent(central);
      const begun = await apply(central, { floor: "mtls", windowMs: 1_000 });
      assert.deepEqual(
        [begun.id, begun.namespace, begun.kinds, begun.step, begun.startedBy],
        [1, null, ["control", "forward"], "opening", "operator:local"],
      );
      assert.deepEqual(begun.policy, {
        accept: ["mtls"],
        clientProof: "none",
        postQuantum: "prefer",
        loopback: "keep",
      });
      assert.deepEqual([begun.undoIf, begun.undo, begun.endedAt], [5, true, null]);
      assert.deepEqual(begun.totals, { stays: 1, moves: 0, unknown: 0, "cut off": 0 });
      await at(central, 1, "watching");
      const done = await at(central, 1, "done");
      assert.deepEqual(done.counts, {
        watched: 1,
        moving: 0,
        met: 1,
        missing: 0,
        lost: 0,
        excepted: 0,
      });
      assert.deepEqual(done.agents, []);
      const { agents: _, ...listed } = done;
      const { items } = await admin<{ items: ChangeView[] }>(
        central,
        "GET",
        "/api/v1/policy/changes?namespace=default",
      );
      assert.deepEqual(items, [listed]);
      interface Held {
        readonly items: readonly { readonly kind: string; readonly accept: readonly string[] }[];
      }
      const held = await admin<Held>(central, "GET", "/api/v1/policy?namespace=default");
      assert.deepEqual(
        held.items.filter(({ kind }) => kind !== "receiver").map(({ accept }) => accept),
        [["mtls"], ["mtls"]],
      );
    }));

  it("takes the newest back, whoever asks for which namespace", () =>
    withCentral(async (central) => {
      await admin(central, "POST", "/api/v1/namespaces", { name: "lab" });
      const code = async (path: string, body: object): Promise<unknown> =>
        problemCode(await callAdmin(central, "POST", `/api/v1/policy/${path}`, body));
      assert.equal(await code("undo", {}), "policy.nothing_to_undo");
      const lab = { namespace: "lab", floor: "tls" };
      await apply(central, lab);
      assert.equal(await code("apply", lab), "policy.change_running");
      assert.equal(await code("apply", { floor: "tls" }), "policy.change_running");
      assert.equal(await code("undo", { namespace: "default" }), "policy.nothing_to_undo");
      const undoing = await admin<ChangeView>(central, "POST", "/api/v1/policy/undo", {});
      assert.deepEqual([undoing.step, undoing.reason], ["undoing", "asked"]);
      const undone = await at(central, 1, "undone");
      assert.notEqual(undone.endedAt, null);
    }));

  it("refuses what cannot be meant, and names what there is not", () =>
    withCentral(async (central) => {
      const refused: readonly [body: object, code: string][] = [
        [{}, "api.invalid"],
        [{ floor: "tls", windowMs: 999 }, "api.invalid"],
        [{ floor: "tls", windowMs: 604_800_001 }, "api.invalid"],
        [{ floor: "tls", undoIf: 100.5 }, "api.invalid"],
        [{ floor: "tls", undoIf: -1 }, "api.invalid"],
        [{ floor: "tls", namespace: "nowhere" }, "api.not_found"],
      ];
      for (const [body, code] of refused) {
        const answer = await callAdmin(central, "POST", "/api/v1/policy/apply", body);
        assert.equal(problemCode(answer), code, JSON.stringify(body));
      }
      for (const id of ["1", "0", "01", "x", "9999999999999999"]) {
        const answer = await callAdmin(central, "GET", `/api/v1/policy/changes/${id}`);
        assert.equal(problemCode(answer), "api.not_found", id);
      }
    }));
});
