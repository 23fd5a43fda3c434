import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { listenOnAnyPort, withTempFolder } from "@tautline/testing";
import { testEnvironment } from "./environment.ts";
import { runStage, type StageResult, type StageSetting } from "./run-stage.ts";
import type { Checks, Stage, Tests } from "./stages.ts";

/** Long enough for any machine: the stages below end by themselves. */
const MINUTES = 5;

interface Ran extends StageResult {
  readonly printed: string;
}

/** Runs one stage over files of its own. */
async function runIn(
  files: Readonly<Record<string, string>>,
  work: Checks | Tests,
  startCeiling?: StageSetting["startCeiling"],
  onPrint: () => void = () => {},
): Promise<Ran> {
  return await withTempFolder(async (root) => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    let printed = "";
    const stage: Stage = { name: "tried", isStatic: false, minutes: MINUTES, work };
    const result = await runStage(stage, {
      root,
      environment: testEnvironment(process.env),
      print: (text) => {
        printed += text;
        onPrint();
      },
      startCeiling,
    });
    return { ...result, printed };
  });
}

function runTests(body: string): Promise<Ran> {
  const text = `
    import { describe, before, test } from "node:test";
    import assert from "node:assert/strict";
    ${body}`;
  return runIn({ "tried.test.mjs": text }, { globs: ["*.test.mjs"], secondsEach: 60 });
}

test("a stage that nothing has been written for is none, not passed", async () => {
  const { verdict, passed, failed } = await runIn({}, { globs: ["test/none/**"], secondsEach: 1 });
  assert.deepEqual({ verdict, passed, failed }, { verdict: "none", passed: 0, failed: 0 });
});

test("passing tests are counted and not shown, suites are not counted", async () => {
  const ran = await runTests(`
    test("one", () => {});
    describe("suite", () => { test("two", () => {}); test("three", () => {}); });`);
  assert.deepEqual([ran.verdict, ran.passed, ran.failed, ran.skipped], ["passed", 3, 0, 0]);
  assert.equal(ran.printed, "");
});

test("a failing test is shown with its full name, place, message, stack and cause", async () => {
  const ran = await runTests(`
    describe("the suite", () => {
      test("the test", () => {
        console.log("said before");
        throw new Error("the message", { cause: Object.assign(new Error("the cause"), { code: "E_CODE" }) });
      });
    });`);
  assert.deepEqual([ran.verdict, ran.passed, ran.failed], ["FAILED", 0, 1]);
  assert.match(ran.failures.join(), /^the suite > the test {2}\(.*tried\.test\.mjs:6\)$/);
  assert.match(ran.printed, /FAILED: the suite > the test\n {2}at .*tried\.test\.mjs:6/);
  assert.match(ran.printed, /Error: the message\n\s+at .*tried\.test\.mjs/);
  assert.match(ran.printed, /caused by: Error: the cause[^]*code: 'E_CODE'/);
  assert.match(ran.printed, /said before/);
  assert.doesNotMatch(ran.printed, /node:internal/);
});

/** A test file whose one test says something and fails. */
function failingFile(name: string): string {
  return `
    import { test } from "node:test";
    test("of ${name}", () => { console.log("said by ${name}"); throw new Error("no ${name}"); });`;
}

test("files that share a process are told apart: each failure by its own file, with what the process said", async () => {
  const files = {
    "apps/x/a.test.mjs": failingFile("a"),
    "apps/x/b.test.mjs": `import { test } from "node:test";\ntest("of b", () => {});`,
    "apps/x/c.test.mjs": failingFile("c"),
  };
  const ran = await runIn(files, { globs: ["apps/x/*.test.mjs"], secondsEach: 60, filesEach: 3 });
  assert.deepEqual([ran.passed, ran.failed], [1, 2]);
  assert.match(
    ran.failures.join("\n"),
    /^of a {2}\(.*a\.test\.mjs:3\)\nof c {2}\(.*c\.test\.mjs:3\)$/,
  );
  assert.match(ran.printed, /no a[^]*said by a[^]*no c/);
});

test("an assertion shows what differs", async () => {
  const ran = await runTests(`test("differs", () => assert.deepEqual({ a: 1 }, { a: 2 }));`);
  assert.match(ran.printed, /\+ {3}a: 1\n\s+- {3}a: 2/);
});

test("a skipped test is shown with its reason, and a todo counts as skipped", async () => {
  const ran = await runTests(`
    test("no peer", { skip: "openssl is not installed" }, () => {});
    test("bare", { skip: true }, () => {});
    test("later", { todo: "issue 7" }, () => { throw new Error("not there yet"); });`);
  assert.deepEqual([ran.verdict, ran.passed, ran.failed, ran.skipped], ["passed", 0, 0, 3]);
  assert.match(ran.printed, /skipped: no peer: openssl is not installed\n/);
  assert.match(ran.printed, /skipped: bare: no reason given\n/);
  assert.match(ran.printed, /skipped: later: issue 7\n/);
});

test("a hook that fails fails the stage, with its own error", async () => {
  const ran = await runTests(`
    describe("hooked", () => {
      before(() => { throw new Error("the hook broke"); });
      test("never ran", () => {});
    });`);
  assert.equal(ran.verdict, "FAILED");
  assert.match(ran.printed, /the hook broke/);
});

test("a test file that cannot be loaded fails the stage and shows why", async () => {
  const ran = await runTests(`throw new TypeError("at the top");`);
  assert.deepEqual([ran.verdict, ran.failed], ["FAILED", 1]);
  assert.match(ran.printed, /TypeError: at the top/);
});

test("tests that pass below the wanted coverage fail the stage and name the file", async () => {
  const covered = `export function used(x) {\n  if (x) {\n    return 1;\n  }\n  return 2;\n}\n`;
  const files = {
    "half.mjs": covered,
    "tried.test.mjs": `
      import { test } from "node:test";
      import { used } from "./half.mjs";
      test("half", () => { used(false); });`,
  };
  const flags = [
    "--experimental-test-coverage",
    "--test-coverage-include=half.mjs",
    "--test-coverage-lines=90",
  ];
  const ran = await runIn(files, { globs: ["*.test.mjs"], secondsEach: 60, flags });
  assert.deepEqual([ran.verdict, ran.passed, ran.failed], ["FAILED", 1, 1]);
  assert.match(ran.failures.join(), /^coverage of lines: \d+\.\d\d %, wanted 90 %$/);
  assert.match(ran.remark, /% of lines, .*% of branches, .*% of functions$/);
  assert.match(ran.printed, /lines not run .* half\.mjs/);
});

test("a stage that hangs is stopped at its ceiling and names the file", async () => {
  const server = createServer((socket) => socket.on("error", () => {}));
  const { port, close } = await listenOnAnyPort(server);
  try {
    const files = {
      "hangs.test.mjs": `
        import { connect } from "node:net";
        import { test } from "node:test";
        test("is heard of", { skip: "it hangs" }, () => {});
        connect(${port}, "127.0.0.1");`,
    };
    const hung = Promise.withResolvers<void>();
    const heardOf = Promise.withResolvers<void>();
    server.once("connection", () => hung.resolve());
    // The runner may be slower to say which file it runs than the file is to hang.
    const startCeiling = (_: number, stop: () => void): (() => void) => {
      void Promise.all([hung.promise, heardOf.promise]).then(stop);
      return () => {};
    };
    const work = { globs: ["*.test.mjs"], secondsEach: 60 };
    const ran = await runIn(files, work, startCeiling, () => heardOf.resolve());
    assert.deepEqual([ran.verdict, ran.failed, ran.skipped], ["FAILED", 1, 1]);
    assert.deepEqual(ran.failures, [
      `the stage was stopped after ${MINUTES} minutes, during hangs.test.mjs`,
    ]);
  } finally {
    await close();
  }
});

test("a stage that leaves a process behind fails, names it and ends it", async () => {
  const ran = await runTests(`
    import { spawn } from "node:child_process";
    test("leaks", () => {
      spawn(process.execPath, ["-e", "setInterval(() => {}, 1000) // left behind"], { stdio: "ignore" }).unref();
    });`);
  assert.deepEqual([ran.verdict, ran.passed], ["FAILED", 1]);
  assert.match(ran.failures.join(), /^the stage left processes running: .*left behind$/);
});

test("a stage waits for no one's standard input", async () => {
  const reads = `import { readFileSync } from "node:fs"; process.exitCode = readFileSync(0).length;`;
  const ran = await runIn({ "reads.mjs": reads }, { commands: [["reads.mjs"]] });
  assert.equal(ran.verdict, "passed");
});

test("each check counts as one test; what failed is shown, what passed is not", async () => {
  const files = {
    "good.mjs": `console.log("all is well");`,
    "bad.mjs": `console.log("on out"); console.error("on err"); process.exitCode = 2;`,
  };
  const ran = await runIn(files, { commands: [["good.mjs"], ["bad.mjs", "--flag"]] });
  assert.deepEqual([ran.verdict, ran.passed, ran.failed], ["FAILED", 1, 1]);
  assert.deepEqual(ran.failures, ["bad.mjs --flag"]);
  assert.match(ran.printed, /FAILED: bad\.mjs --flag[^]*on out/);
  assert.match(ran.printed, /on err/);
  assert.doesNotMatch(ran.printed, /all is well/);
});
