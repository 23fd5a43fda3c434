import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deriveSharedKey } from "@tautline/pki";
import { isTautlineError, LIMITS, type ErrorCode, type TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { createKeyFile } from "./key-file.ts";

const STRONG = "correct horse battery staple, and some more words to make it long";

async function withFile(
  use: (
    file: string,
    write: (content: string | Uint8Array, mode?: number) => void,
  ) => Promise<void>,
): Promise<void> {
  await withTempFolder((folder) => {
    const file = join(folder, "site.key");
    return use(file, (content, mode = 0o600) => {
      writeFileSync(file, content);
      chmodSync(file, mode);
    });
  });
}

const ignore = (): void => {};

async function failure(find: () => Promise<unknown>): Promise<TautlineError> {
  try {
    await find();
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    return error;
  }
  return assert.fail("it was taken");
}

test("one line break at the end is taken off, and nothing else", async () => {
  await withFile(async (file, write) => {
    const place = { name: "legacy", namespace: "default" };
    const find = createKeyFile({ ...place, file }, ignore);
    for (const content of [STRONG, `${STRONG}\n`, `${STRONG}\r\n`]) {
      write(content);
      const { key, sharedKey } = await find();
      assert.deepEqual(key, { name: "legacy" });
      assert.ok(sharedKey.equals(await deriveSharedKey(STRONG, place)));
    }
    write(` ${STRONG} \n`);
    assert.ok((await find()).sharedKey.equals(await deriveSharedKey(` ${STRONG} `, place)));
  });
});

test("a version is told to central and is no part of what the key is derived from", async () => {
  await withFile(async (file, write) => {
    write(STRONG);
    const { key, sharedKey } = await createKeyFile(
      { name: "site-3#2", namespace: "b", file },
      ignore,
    )();
    assert.deepEqual(key, { name: "site-3", version: 2 });
    assert.ok(sharedKey.equals(await deriveSharedKey(STRONG, { name: "site-3", namespace: "b" })));
  });
});

test("the file is read anew each time, and derived anew only where its text is another", async () => {
  await withFile(async (file, write) => {
    const find = createKeyFile({ name: "legacy", namespace: "default", file }, ignore);
    write(STRONG);
    const [first, second] = [await find(), await find()];
    assert.equal(first, second, "the very same: deriving costs time");
    write(`${STRONG}!`);
    const third = await find();
    assert.ok(!third.sharedKey.equals(first.sharedKey));
    write(STRONG);
    assert.ok((await find()).sharedKey.equals(first.sharedKey));
  });
});

const REFUSED: [name: string, content: string | Uint8Array, mode: number, code: ErrorCode][] = [
  ["a file that the group may read", STRONG, 0o640, "vault.file_unsafe"],
  ["a file that everybody may read", STRONG, 0o604, "vault.file_unsafe"],
  ["no text", "", 0o600, "agent.key_unusable"],
  ["nothing but a line break", "\n", 0o600, "agent.key_unusable"],
  ["two lines", `${STRONG}\nmore\n`, 0o600, "agent.key_unusable"],
  ["two line breaks", `${STRONG}\n\n`, 0o600, "agent.key_unusable"],
  ["bytes that are no UTF-8", Uint8Array.of(0x61, 0xff), 0o600, "agent.key_unusable"],
  ["one byte too many", "k".repeat(LIMITS.keyTextBytes.value + 1), 0o600, "agent.key_unusable"],
  ["a whole log", "k".repeat(10_000), 0o600, "vault.file_unsafe"],
];
for (const [name, content, mode, code] of REFUSED) {
  test(`${name} is refused with the file's name and without its text`, async () => {
    await withFile(async (file, write) => {
      write(content, mode);
      const find = createKeyFile({ name: "legacy", namespace: "default", file }, ignore);
      const { code: found, message } = await failure(async () => find());
      assert.equal(found, code);
      assert.ok(message.includes(file));
      assert.ok(!message.includes("horse") && !message.includes("kkkk"));
    });
  });
}

test("the longest text there may be is taken, with its line break", async () => {
  await withFile(async (file, write) => {
    write(`${"k1".repeat(LIMITS.keyTextBytes.value / 2)}\r\n`);
    await createKeyFile({ name: "legacy", namespace: "default", file }, ignore)();
  });
});

test("OV-6: a text that came with an old settings file stands in the place of a file", async () => {
  const texts = new Map([["legacy", STRONG]]);
  const place = { name: "legacy", namespace: "default" };
  const find = createKeyFile({ ...place, file: "/gone/agent.properties" }, ignore, texts);
  assert.ok((await find()).sharedKey.equals(await deriveSharedKey(STRONG, place)));
  const other = createKeyFile({ ...place, name: "other", file: "/gone/key" }, ignore, texts);
  assert.equal((await failure(async () => other())).code, "agent.key_unusable");
});

test("no file, and none that is set, each say what to do", async () => {
  await withFile(async (file) => {
    const place = { name: "legacy", namespace: "default" };
    assert.match(
      (await failure(async () => createKeyFile({ ...place, file }, ignore)())).message,
      /is not there/,
    );
    const { code, remedy } = await failure(async () => createKeyFile(place, ignore)());
    assert.equal(code, "agent.key_missing");
    assert.match(remedy, /--key-file/);
  });
});

test("a weak text works, and is told once for each text", async () => {
  await withFile(async (file, write) => {
    const told: TautlineError[] = [];
    const find = createKeyFile({ name: "legacy", namespace: "default", file }, (error) =>
      told.push(error),
    );
    write("secret");
    await find();
    await find();
    write("secret2");
    await find();
    assert.deepEqual(
      told.map(({ code }) => code),
      ["agent.key_weak", "agent.key_weak"],
    );
    assert.ok(told.every(({ message }) => message.includes(file) && !message.includes("secret")));
  });
});
