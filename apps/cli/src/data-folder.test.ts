import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { findDataFolder, holdsDataOf } from "./data-folder.ts";

const NOBODY = 1000;

test("--data stands above TAUTLINE_DATA, both above the usual folders", () =>
  withTempFolder((cwd) => {
    mkdirSync(join(cwd, "data", "central"), { recursive: true });
    const world = { environment: { dataDir: "/from/environment" }, cwd, userId: NOBODY };
    assert.equal(findDataFolder("central", "given", world), join(cwd, "given"));
    assert.equal(findDataFolder("central", undefined, world), "/from/environment");
    assert.equal(
      findDataFolder("central", undefined, { ...world, environment: {} }),
      join(cwd, "data", "central"),
    );
  }));

test("without any folder root means the system's, everyone else ./data", () =>
  withTempFolder((cwd) => {
    const world = { environment: {}, cwd };
    for (const role of ["central", "agent"] as const) {
      assert.equal(
        findDataFolder(role, undefined, { ...world, userId: 0 }),
        `/var/lib/tautline/${role}`,
      );
    }
    assert.equal(
      findDataFolder("agent", undefined, { ...world, userId: NOBODY }),
      join(cwd, "data", "agent"),
    );
  }));

test("a folder made by quickstart means its inner folder of the role", () =>
  withTempFolder((cwd) => {
    mkdirSync(join(cwd, "fleet", "central"), { recursive: true });
    const world = { environment: {}, cwd, userId: NOBODY };
    assert.equal(findDataFolder("central", "fleet", world), join(cwd, "fleet", "central"));
    assert.equal(findDataFolder("agent", "fleet", world), join(cwd, "fleet"));
  }));

test("a folder that itself holds the role's data means itself, whatever lies inside", () =>
  withTempFolder((cwd) => {
    mkdirSync(join(cwd, "fleet", "agent"), { recursive: true });
    writeFileSync(join(cwd, "fleet", "settings.json"), "{}");
    const world = { environment: {}, cwd, userId: NOBODY };
    assert.equal(holdsDataOf("agent", join(cwd, "fleet")), true);
    assert.equal(holdsDataOf("central", join(cwd, "fleet")), false);
    assert.equal(findDataFolder("agent", "fleet", world), join(cwd, "fleet"));
  }));

test("a folder of an agent that has not joined is one all the same", () =>
  withTempFolder((cwd) => {
    writeFileSync(join(cwd, "legacy.json"), "{}");
    assert.equal(holdsDataOf("agent", cwd), true);
  }));
