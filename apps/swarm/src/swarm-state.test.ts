import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { withSwarm } from "./fixture-swarm.test.ts";
import { saveState, takeState, type SavedAgent } from "./swarm-state.ts";

async function someAgents(): Promise<SavedAgent[]> {
  let saved: SavedAgent[] = [];
  await withSwarm({ agents: 2 }, async ({ swarm, stop }) => {
    await swarm.joined;
    await stop();
    saved = swarm.save();
  });
  return saved;
}

/** What of agents can be compared. */
function bare(agents: readonly SavedAgent[]) {
  return agents.map(({ identity: { roots, offerHash, uid, ...identity }, ...rest }) => ({
    ...rest,
    ...identity,
    roots: roots.map((root) => root.fingerprint256),
    offerHash: Buffer.from(offerHash).toString("hex"),
    uid: Buffer.from(uid).toString("hex"),
  }));
}

test("what one run leaves the next one takes, whole and once", async () => {
  const agents = await someAgents();
  await withTempFolder(async (folder) => {
    const state = join(folder, "state");
    assert.deepEqual(takeState(state), []);
    saveState(state, agents);
    assert.equal(statSync(join(state, "agents.json")).mode & 0o777, 0o600, "A14");
    const taken = takeState(state);
    assert.deepEqual(bare(taken), bare(agents));
    // F25: a run that is killed must not leave older identities behind for a third one.
    assert.deepEqual(readdirSync(state), []);
  });
});

const DAMAGE: [what: string, change: (text: string) => string][] = [
  ["cut off", (text) => text.slice(0, -20)],
  ["no list", () => "{}"],
  ["a list of something else", () => "[{}]"],
  ["a key that is none", (text) => text.replace("PRIVATE KEY-----\\nM", "PRIVATE KEY-----\\nX")],
  ["an id that is none", (text) => text.replace(/"id":"[^"]+"/, '"id":"../../x"')],
];
for (const [what, change] of DAMAGE) {
  test(`a file that is ${what} is refused by its name and left as it is`, async () => {
    const agents = await agentsOnce;
    await withTempFolder(async (state) => {
      saveState(state, agents);
      const file = join(state, "agents.json");
      const damaged = change(readFileSync(file, "utf8"));
      writeFileSync(file, damaged);
      assert.throws(
        () => takeState(state),
        (error) => isTautlineError(error) && error.code === "swarm.state_failed",
      );
      assert.equal(readFileSync(file, "utf8"), damaged);
    });
  });
}

const agentsOnce = someAgents();
