import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { deriveSharedKey } from "@tautline/pki";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, withCore } from "../fixture-core.test.ts";
import { makeConfiguredKeys } from "./configured-keys.ts";
import { ACTOR, startProcess } from "./fixture-keys.test.ts";

const log = createLog("central", "error", { write: () => {} });

interface Wanted {
  readonly name: string;
  readonly namespace: string;
  readonly file: string;
}

function keyFile({ folder }: Core, content: string | Uint8Array, mode = 0o600): Wanted {
  const file = join(folder, "legacy.key");
  writeFileSync(file, content);
  chmodSync(file, mode);
  return { name: "legacy", namespace: "default", file };
}

describe("keys of central.yaml", () => {
  it("OV-9: are made at the start from their files, once", () =>
    withCore(async (core) => {
      const here = await startProcess(core);
      const wanted = keyFile(core, "old secret\r\n");
      await makeConfiguredKeys({ ...core, ...here, log }, [wanted]);
      const derived = await deriveSharedKey("old secret", wanted);
      assert.deepEqual(here.ring.find({ name: "legacy" })[0]?.sharedKey, derived);
      const [entry] = await core.audit.list({ limit: 1 });
      assert.deepEqual([entry?.action, entry?.actor], ["key.created", "central"]);
      const before = await actionsOf(core);
      await makeConfiguredKeys({ ...core, ...here, log }, [{ ...wanted, file: "/nowhere" }]);
      assert.deepEqual(await actionsOf(core), before, "the file is not needed any more");
    }));

  it("OV-9: come from an old settings file where one was read, whatever else stands in that", () =>
    withCore(async (core) => {
      const here = await startProcess(core);
      const wanted = { ...keyFile(core, "x"), file: "/nowhere/collector.properties" };
      const keyTexts = new Map([["legacy", "old secret"]]);
      await makeConfiguredKeys({ ...core, ...here, log, keyTexts }, [wanted]);
      const derived = await deriveSharedKey("old secret", wanted);
      assert.deepEqual(here.ring.find({ name: "legacy" })[0]?.sharedKey, derived);
      const said: string[] = [];
      const loud = createLog("central", "warn", { write: (line) => void said.push(line) });
      await makeConfiguredKeys({ ...core, ...here, log: loud, keyTexts }, [wanted]);
      assert.deepEqual(said, [], "what is as it was needs no word");
      const edited = {
        ...core,
        ...here,
        log: loud,
        keyTexts: new Map([["legacy", "edited-text"]]),
      };
      await makeConfiguredKeys(edited, [wanted]);
      assert.match(said.join(""), /opens nothing/);
      assert.doesNotMatch(said.join(""), /old secret|edited-text/);
    }));

  it("are not made again where they were rotated or deleted", () =>
    withCore(async (core) => {
      const here = await startProcess(core);
      const wanted = keyFile(core, "old secret");
      await makeConfiguredKeys({ ...core, ...here, log }, [wanted]);
      await here.keys.delete({ name: "legacy", force: true, actor: ACTOR });
      await makeConfiguredKeys({ ...core, ...here, log }, [wanted]);
      assert.deepEqual(here.ring.find({ name: "legacy" }), []);
    }));

  const refused: [what: string, make: (core: Core) => Wanted, reason: RegExp][] = [
    [
      "a missing file",
      (core) => ({ ...keyFile(core, "x"), file: join(core.folder, "none.key") }),
      /there is no such file/,
    ],
    ["a file that others can read", (core) => keyFile(core, "x", 0o644), /mode 0?644/],
    ["a file that a group can read", (core) => keyFile(core, "x", 0o640), /mode 0?640/],
    ["an empty file", (core) => keyFile(core, "\n"), /it is empty/],
    ["a file of two lines", (core) => keyFile(core, "a\nb"), /line break/],
    ["a file that is no text", (core) => keyFile(core, Uint8Array.of(0xff)), /not UTF-8/],
    ["a file that is too long", (core) => keyFile(core, "k".repeat(1_027)), /more than 1026 bytes/],
    [
      "an unknown namespace",
      (core) => ({ ...keyFile(core, "x"), namespace: "nowhere" }),
      /there is no namespace 'nowhere'/,
    ],
  ];
  for (const [what, make, reason] of refused) {
    it(`SWP-1: ${what} refuses the start, naming key and file`, () =>
      withCore(async (core) => {
        const here = await startProcess(core);
        const wanted = make(core);
        const refusal = await refusalOf(makeConfiguredKeys({ ...core, ...here, log }, [wanted]));
        assert.equal(refusal.code, "config.key_refused");
        assert.match(refusal.message, reason);
        assert.ok(refusal.message.includes(`'legacy' cannot be made from ${wanted.file}`));
        assert.deepEqual(await here.keys.list(), []);
      }));
  }
});
