import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { describe, it } from "node:test";
import type { CentralState } from "../opened-central.ts";
import { ownPlacesOf } from "./own-places.ts";

describe("ownPlacesOf", () => {
  it("follows the ports as central opens, moves and closes them", () => {
    const state: CentralState = { isStopping: false };
    const own = ownPlacesOf(state);
    assert.deepEqual(own.ports(), []);
    Object.assign(state, {
      agents: { host: "::", port: 9150 },
      console: { host: "127.0.0.1", port: 8443 },
    });
    assert.deepEqual(own.ports(), [9150, 8443]);
    state.plaintext = { host: "0.0.0.0", port: 8787 };
    state.agents = { host: "::", port: 9151 };
    assert.deepEqual(own.ports(), [9151, 8787, 8443]);
  });

  it("has every address of this host's interfaces", () => {
    const expected = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .map(({ address }) => address);
    assert.deepEqual(ownPlacesOf({}).addresses(), expected);
  });
});
