import assert from "node:assert/strict";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { launchProcess, withTempFolder, type LaunchedProcess } from "@tautline/testing";

const root = join(import.meta.dirname, "..");
/** Where the shell's own tools are, and no Node or npm of ours. */
const SYSTEM_PATH = "/usr/bin:/bin";

interface Clone {
  readonly folder: string;
  /** Runs a launcher of the clone with only the system's and the clone's own fake tools in PATH. */
  readonly run: (launcher: string, ...args: string[]) => LaunchedProcess;
}

/** A clone of which only the launchers are there, with tools that say how they were called. */
async function withBareClone(
  tools: Readonly<Record<string, string>>,
  use: (clone: Clone) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    for (const place of ["scripts", "tools", "node_modules"]) mkdirSync(join(folder, place));
    for (const name of ["node", "prepare"]) {
      copyFileSync(join(root, "scripts", name), join(folder, "scripts", name));
    }
    writeFileSync(join(folder, "package-lock.json"), "{}\n");
    for (const [name, script] of Object.entries(tools)) {
      writeFileSync(join(folder, "tools", name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(folder, "tools", name), 0o755);
    }
    await use({
      folder,
      run: (launcher, ...args) =>
        launchProcess({
          command: "/bin/sh",
          args: [join(folder, launcher), ...args],
          folder: "/",
          env: { PATH: `${join(folder, "tools")}:${SYSTEM_PATH}` },
        }),
    });
  });
}

/** A Node of some version: answers what `scripts/node` asks, and else tells its arguments. */
function fakeNode(major: number): string {
  return `[ "$1" = -p ] && echo ${major} || echo "node ${major}: $*"`;
}

test("the command starts through a symbolic link, from any folder, under the repository's own Node", async () => {
  await withTempFolder(async (folder) => {
    const link = join(folder, "tautline");
    symlinkSync(join(root, "bin/tautline"), join(folder, "first"));
    symlinkSync("first", link);
    await using command = launchProcess({
      command: link,
      args: ["--version"],
      folder,
      // Where no Node is pinned (other platforms), the caller's own has to be found.
      env: { PATH: `${SYSTEM_PATH}:${dirname(process.execPath)}` },
    });
    assert.deepEqual(await command.exited, { code: 0, signal: null }, command.stderr);
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      version: string;
    };
    assert.ok(command.stdout.includes(version));
  });
});

test("without the pinned Node, one of the caller's that is new enough serves", async () => {
  await withBareClone({ node: fakeNode(24) }, async ({ run }) => {
    await using launched = run("scripts/node", "file.ts", "two words");
    assert.equal((await launched.exited).code, 0);
    assert.equal(launched.stdout, "node 24: file.ts two words\n");
  });
});

test("a Node that is too old is refused with what to do", async () => {
  await withBareClone({ node: fakeNode(20) }, async ({ run, folder }) => {
    await using launched = run("scripts/node", "file.ts");
    assert.equal((await launched.exited).code, 1);
    assert.match(launched.stderr, /no Node 24 or newer found \(the one in PATH is 20\)/);
    assert.ok(launched.stderr.includes(`npm ci --ignore-scripts' in ${folder}`));
    assert.equal(launched.stdout, "");
  });
});

test("prepare installs once for each content of the lock file", async () => {
  const npm = `echo "npm $*"`;
  await withBareClone({ npm }, async ({ run, folder }) => {
    await using first = run("scripts/prepare", "start");
    assert.equal((await first.exited).code, 0, first.stderr);
    assert.match(first.stdout, /npm ci --ignore-scripts/);
    await using second = run("scripts/prepare", "start");
    assert.equal((await second.exited).code, 0);
    assert.equal(second.stdout, "");
    writeFileSync(join(folder, "package-lock.json"), "{ }\n");
    await using third = run("scripts/prepare", "start");
    assert.equal((await third.exited).code, 0);
    assert.match(third.stdout, /npm ci --ignore-scripts/);
  });
});

test("an installation that fails is not taken for done", async () => {
  await withBareClone({ npm: "exit 7" }, async ({ run }) => {
    await using first = run("scripts/prepare", "start");
    assert.equal((await first.exited).code, 7);
    await using second = run("scripts/prepare", "start");
    assert.equal((await second.exited).code, 7);
  });
});

test("who may not install system packages is told which ones npm test needs", async () => {
  const tools = { npm: "true", "dpkg-query": "exit 1", id: "echo 1000" };
  await withBareClone(tools, async ({ run }) => {
    await using launched = run("scripts/prepare", "test");
    assert.equal((await launched.exited).code, 1);
    assert.match(launched.stderr, /apt-get install openssl curl .*\(as root/);
  });
});
