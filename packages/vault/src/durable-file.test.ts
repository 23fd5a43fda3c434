import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { ensurePrivateFolder, readPrivateFile, writeFileDurably } from "./durable-file.ts";

const base = mkdtempSync(join(tmpdir(), "tautline-durable-"));
let folder = base;
let count = 0;

after(() => {
  rmSync(base, { recursive: true });
});

function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o777).toString(8);
}

function failsWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isTautlineError(error), `not one of ours: ${String(error)}`);
    assert.equal(error.code, code);
    return true;
  };
}

function withUmask(umask: number, action: () => void): void {
  const before = process.umask(umask);
  try {
    action();
  } finally {
    process.umask(before);
  }
}

describe("files that outlive a crash (A14)", () => {
  beforeEach(() => {
    count += 1;
    folder = join(base, String(count));
    mkdirSync(folder, { mode: 0o700 });
  });

  test("A14: a written file has mode 0600 and a made folder 0700, whatever the umask", () => {
    for (const umask of [0o000, 0o022, 0o077]) {
      withUmask(umask, () => {
        const made = join(folder, `data-${umask}`, "inner");
        ensurePrivateFolder(made);
        writeFileDurably(join(made, "secret"), "x");
        assert.equal(modeOf(join(made, "secret")), "600");
        assert.equal(modeOf(made), "700");
        assert.equal(modeOf(join(made, "..")), "700");
      });
    }
  });

  test("A14: a mode that was asked for holds even where the umask would narrow it", () => {
    withUmask(0o777, () => {
      writeFileDurably(join(folder, "public.pem"), "x", { mode: 0o644 });
    });
    assert.equal(modeOf(join(folder, "public.pem")), "644");
  });

  test("A14: replacing a file that was open to all closes it", () => {
    const path = join(folder, "secret");
    writeFileSync(path, "old", { mode: 0o666 });
    chmodSync(path, 0o666);
    writeFileDurably(path, "new");
    assert.equal(modeOf(path), "600");
    assert.equal(readFileSync(path, "utf8"), "new");
  });

  test("a write replaces the whole content and leaves nothing beside it", () => {
    const path = join(folder, "settings.json");
    writeFileDurably(path, Buffer.alloc(100_000, 1));
    writeFileDurably(path, Buffer.from("short"));
    assert.deepEqual(readPrivateFile(path, 1000), Buffer.from("short"));
    assert.deepEqual(readdirSync(folder), ["settings.json"]);
  });

  test("what a crash between writing and renaming left behind is ignored and cleaned by the next write", () => {
    const path = join(folder, "settings.json");
    const leftover = join(folder, ".settings.json.00112233445566ff.tmp");
    const ofAnother = join(folder, ".settings.json.bak.00112233445566ff.tmp");
    const unlike = join(folder, ".settings.json.draft.tmp");
    writeFileDurably(path, "old");
    for (const name of [leftover, ofAnother, unlike]) {
      writeFileSync(name, "half of the n", { mode: 0o600 });
    }
    assert.equal(readPrivateFile(path, 100)?.toString(), "old");
    writeFileDurably(path, "new");
    assert.equal(readPrivateFile(path, 100)?.toString(), "new");
    assert.equal(existsSync(leftover), false);
    assert.equal(existsSync(ofAnother), true, "another file's write must not be disturbed");
    assert.equal(existsSync(unlike), true, "a person's own file must not be removed");
  });

  test("F11: a write that fails half-way leaves the old content and no leftover, and says which file and why", () => {
    const path = join(folder, "settings.json");
    writeFileDurably(path, "old");
    const program = `
    const { writeFileDurably } = await import(process.argv[1]);
    try { writeFileDurably(process.argv[2], Buffer.alloc(1024 * 1024, 7)); }
    catch (error) { console.log(error.code + "|" + error.message); }`;
    const script = [process.execPath, "--input-type=module", "-e", program];
    const module = new URL("./durable-file.ts", import.meta.url).href;
    // A file-size limit of 64 KiB stands in for a full disk: the write starts and cannot finish. (A coverage report could not either.)
    const run = spawnSync(
      "bash",
      ["-c", 'unset NODE_V8_COVERAGE; ulimit -f 64; exec "$@"', "bash", ...script, module, path],
      { encoding: "utf8" },
    );
    assert.equal(
      run.stdout,
      `vault.file_failed|${path} could not be written: EFBIG.\n`,
      run.stderr,
    );
    assert.equal(readFileSync(path, "utf8"), "old");
    assert.deepEqual(readdirSync(folder), ["settings.json"]);
  });

  test("a symbolic link is refused by every function and its target is not touched", () => {
    const target = join(folder, "target");
    const link = join(folder, "link");
    writeFileSync(target, "target", { mode: 0o600 });
    symlinkSync(target, link);
    assert.throws(() => {
      writeFileDurably(link, "new");
    }, failsWith("vault.file_unsafe"));
    assert.throws(() => readPrivateFile(link, 100), failsWith("vault.file_unsafe"));
    assert.equal(readFileSync(target, "utf8"), "target");

    const folderLink = join(folder, "folder-link");
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), folderLink);
    for (const path of [folderLink, `${folderLink}/`]) {
      assert.throws(() => {
        ensurePrivateFolder(path);
      }, failsWith("vault.file_unsafe"));
    }
  });

  test("a dangling symbolic link does not count as an absent file", () => {
    symlinkSync(join(folder, "nowhere"), join(folder, "link"));
    assert.throws(() => readPrivateFile(join(folder, "link"), 100), failsWith("vault.file_unsafe"));
  });

  test("A14: a secret that others may read or write is refused, for each such bit", () => {
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666]) {
      const path = join(folder, `m${mode}`);
      writeFileSync(path, "secret");
      chmodSync(path, mode);
      assert.throws(() => readPrivateFile(path, 100), failsWith("vault.file_unsafe"), `${mode}`);
    }
    for (const mode of [0o600, 0o400]) {
      const path = join(folder, `m${mode}`);
      writeFileSync(path, "secret");
      chmodSync(path, mode);
      assert.equal(readPrivateFile(path, 100)?.toString(), "secret");
    }
  });

  test("reading stops at the limit: as many bytes pass, one more is refused", () => {
    const path = join(folder, "secret");
    writeFileDurably(path, Buffer.alloc(100));
    assert.equal(readPrivateFile(path, 100)?.length, 100);
    assert.throws(() => readPrivateFile(path, 99), failsWith("vault.file_unsafe"));
  });

  test("no file is undefined, a folder in its place is refused", () => {
    assert.equal(readPrivateFile(join(folder, "absent"), 100), undefined);
    assert.equal(readPrivateFile(join(folder, "absent", "deeper"), 100), undefined);
    assert.throws(() => readPrivateFile(folder, 100), failsWith("vault.file_unsafe"));
    mkdirSync(join(folder, "occupied"));
    assert.throws(() => {
      writeFileDurably(join(folder, "occupied"), "x");
    }, failsWith("vault.file_unsafe"));
  });

  test("a FIFO in the place of a secret is refused at once instead of hanging the start", () => {
    const path = join(folder, "fifo");
    execFileSync("mkfifo", ["-m", "600", path]);
    assert.throws(() => readPrivateFile(path, 100), failsWith("vault.file_unsafe"));
  });

  test("a write into a folder that is not there is refused with the file's name", () => {
    assert.throws(
      () => {
        writeFileDurably(join(folder, "absent", "file"), "x");
      },
      (error) => {
        assert.ok(isTautlineError(error));
        assert.equal(error.code, "vault.file_failed");
        assert.match(error.message, /absent\/file could not be written: ENOENT/);
        assert.ok(error.cause instanceof Error);
        return true;
      },
    );
  });

  test("A14: a folder of our own that is open to others is closed", () => {
    chmodSync(folder, 0o755);
    ensurePrivateFolder(folder);
    assert.equal(modeOf(folder), "700");
  });

  test("a file in the place of a folder is refused", () => {
    writeFileSync(join(folder, "file"), "x");
    assert.throws(() => {
      ensurePrivateFolder(join(folder, "file"));
    }, isTautlineError);
  });

  test(
    "what belongs to another user is refused",
    { skip: process.getuid?.() === 0 ? false : "only root can give a file away" },
    () => {
      const path = join(folder, "secret");
      writeFileSync(path, "theirs", { mode: 0o600 });
      chownSync(path, 12_345, 12_345);
      assert.throws(() => readPrivateFile(path, 100), failsWith("vault.file_unsafe"));
      chownSync(folder, 12_345, 12_345);
      assert.throws(() => {
        ensurePrivateFolder(folder);
      }, failsWith("vault.file_unsafe"));
    },
  );
});
