import assert from "node:assert/strict";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createOpensslPki, withTempFolder } from "@tautline/testing";
import { openTlsFiles, type TlsFiles } from "../tls-files/tls-files.ts";
import { asUsed, describeFiles } from "./edge-files.ts";

interface Scene {
  readonly files: TlsFiles;
  readonly put: (name: "first" | "next" | "half") => void;
}

/** Files of a mutual identity, which are exchanged for those of another. */
async function withFiles(use: (scene: Scene) => void): Promise<void> {
  await withTempFolder(async (path) => {
    const pki = createOpensslPki(path);
    const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
    const first = pki.issue({ name: "first", extensions });
    const next = pki.issue({ name: "next", extensions });
    const [caFile, certificateFile, keyFile] = ["ca", "crt", "key"].map((name) => join(path, name));
    assert.ok(caFile && certificateFile && keyFile);
    const put: Scene["put"] = (name) => {
      const of = name === "first" ? first : next;
      copyFileSync(of.certificateFile, certificateFile);
      if (name === "half") rmSync(keyFile);
      else copyFileSync(of.keyFile, keyFile);
    };
    copyFileSync(first.certificateFile, caFile);
    put("first");
    const central = {
      trust: { system: false, caFile, pins: [] },
      client: { certificateFile, keyFile },
    };
    const files = openTlsFiles({ config: { central }, dataDir: path });
    assert.ok(files);
    use({ files, put });
  });
}

test("SW-11: files that a dial has taken already are new to the links that stand all the same, once", () =>
  withFiles(({ files, put }) => {
    const used = asUsed(files);
    assert.equal(used.look(), "same");
    put("next");
    assert.equal(files.look(), "taken");
    assert.deepEqual([used.look(), used.look()], ["taken", "same"]);
    put("first");
    assert.deepEqual([used.look(), used.look()], ["taken", "same"]);
    put("half");
    assert.deepEqual([used.look(), used.look()], ["refused", "same"]);
    assert.equal(used.problem?.code, "files.missing");
  }));

test("SWP-2: the certificate in use is shown with its end, and why what lies there now is not in use", () =>
  withFiles(({ files, put }) => {
    const shown = describeFiles(files);
    assert.equal(shown?.level, "mtls");
    assert.match(shown?.certificate?.subject ?? "", /CN=first/);
    assert.ok(Date.parse(shown?.certificate?.notAfter ?? "") > 0);
    assert.equal(shown?.problem, null);
    put("half");
    files.look();
    const after = describeFiles(files);
    assert.deepEqual(after?.certificate, shown?.certificate);
    assert.equal(after?.problem?.code, "files.missing");
    assert.equal(describeFiles(undefined), null);
  }));
