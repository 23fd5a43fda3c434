import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { deriveSharedKey } from "@tautline/pki";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { openRawLink, type RawDial, type RawLink } from "../raw-link.ts";
import { describeCentral, launchCentral } from "../running-central.ts";

const LINKS = 100;
const TEXTS = [
  "the first text of the tests, long enough: 1f0e",
  "the second text of the tests: 77ab9",
];
const LEVELS = ["basic", "advanced"] as const;

const allAnswer = async (some: readonly RawLink[]): Promise<void> => {
  await Promise.all(some.map((link) => link.answer()));
};

const failure = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => "none",
    (error: unknown) => (isTautlineError(error) ? error.code : String(error)),
  );

it("OVP-3: `keys rotate` under 100 live links drops none; what is removed closes its own links and no other", () =>
  withTempFolder(async (folder) => {
    const config = join(folder, "central.yaml");
    writeFileSync(config, "agents: { levels: [basic, advanced] }\n");
    const dataDir = join(folder, "central");
    await using process = launchCentral(dataDir, undefined, { config });
    const central = await describeCentral(process, dataDir, folder);
    const [first = "", second = ""] = TEXTS;
    const naming = { namespace: "default", name: "legacy" };
    const [old, next] = [
      await deriveSharedKey(first, naming),
      await deriveSharedKey(second, naming),
    ];
    const rotate = (step: string, body: unknown): Promise<unknown> =>
      central.call("POST", `/api/v1/keys/legacy/${step}`, body);
    const open = (level: RawDial["level"], order: Omit<RawDial, "port" | "level">) =>
      openRawLink({ port: central.agentsPort, level, ...order });

    await central.call("POST", "/api/v1/keys", { ...naming, value: first });
    const links = await Promise.all(
      Array.from({ length: LINKS }, (_, index) =>
        open(LEVELS[index % 2] ?? "basic", { key: { name: "legacy" }, sharedKey: old }),
      ),
    );
    await rotate("install", { value: second });
    await allAnswer(links);
    await rotate("use", {});
    await allAnswer(links);

    // The agents go over: each dials anew with the next text, and the old link of its id gives way.
    const [stay, go] = [links.slice(0, 2), links.slice(2)];
    const over = await Promise.all(
      go.map(({ id, evidence }) =>
        open(evidence?.level === "basic" ? "basic" : "advanced", {
          id,
          key: { name: "legacy" },
          sharedKey: next,
        }),
      ),
    );
    assert.ok(over.every(({ isOpen }) => isOpen()));
    await allAnswer(stay);
    await rotate("remove", { allowCutOff: stay.map(({ id }) => id) });
    await Promise.all(stay.map(({ closed }) => closed));
    await allAnswer(over);
    for (const level of LEVELS) {
      assert.notEqual(
        await failure(open(level, { key: { name: "legacy" }, sharedKey: old })),
        "none",
      );
      assert.notEqual(
        await failure(open(level, { key: { name: "legacy", version: 1 }, sharedKey: old })),
        "none",
      );
    }
    await allAnswer(over);
    for (const link of [...links, ...over]) link.end();
    await process.kill("SIGTERM");
  }));
