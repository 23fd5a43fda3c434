import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createPrivateKey } from "node:crypto";
import { certificatesFromPem } from "@tautline/pki";
import { isTautlineError } from "@tautline/protocol";
import { createOpensslPki } from "@tautline/testing";
import { readAuthorities, readPairFiles } from "./pki-files.ts";

const folder = mkdtempSync(join(tmpdir(), "tautline-pki-files-"));
after(() => rmSync(folder, { recursive: true }));
const pki = createOpensslPki(folder);
const ca = pki.issue({ name: "ca", extensions: ["basicConstraints=critical,CA:TRUE"] });
const server = pki.issue({ name: "server", issuer: ca, extensions: ["basicConstraints=CA:FALSE"] });
const rsa = pki.issue({
  name: "rsa",
  key: "rsa",
  issuer: ca,
  extensions: ["basicConstraints=CA:FALSE"],
});
const weak = pki.issue({ name: "weak", key: "rsa1024", issuer: ca });

function write(name: string, content: string | Uint8Array, mode = 0o600): string {
  const file = join(folder, name);
  writeFileSync(file, content, { mode });
  chmodSync(file, mode);
  return file;
}

function refuses(read: () => unknown, code: string, ...names: readonly string[]): void {
  assert.throws(read, (error) => {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, code, error.message);
    for (const name of names) assert.ok(error.message.includes(name), error.message);
    return true;
  });
}

describe("a certificate and its key as files (SW-2, SW-3)", () => {
  for (const each of [server, rsa]) {
    it(`the pair '${each.name}' is read`, () => {
      const { keyPem, chainPem, leaf } = readPairFiles(each);
      assert.ok(leaf.checkPrivateKey(createPrivateKey(keyPem)));
      assert.equal(leaf.subject, `CN=${each.name}`);
      assert.equal(certificatesFromPem(chainPem).length, 1);
    });
  }

  it("DER is read as well, and CRLF in PKCS#1", () => {
    pki.run("x509", "-in", "rsa.crt", "-outform", "DER", "-out", "rsa.der");
    const old = pki.run("pkey", "-in", "rsa.key", "-traditional");
    const keyFile = write("crlf.key", old.replaceAll("\n", "\r\n"));
    const { leaf } = readPairFiles({ certificateFile: join(folder, "rsa.der"), keyFile });
    assert.equal(leaf.subject, "CN=rsa");
  });

  it("the leaf comes first whatever the order of the file", () => {
    const text = ca.certificatePem + server.certificatePem;
    const certificateFile = write("reversed.crt", text);
    const { chainPem } = readPairFiles({ certificateFile, keyFile: server.keyFile });
    const subjects = certificatesFromPem(chainPem).map((each) => each.subject);
    assert.deepEqual(subjects, ["CN=server", "CN=ca"]);
  });

  it("half a pair is refused naming the file that is missing (SW-7)", () => {
    const missing = join(folder, "nowhere");
    const { certificateFile, keyFile } = server;
    refuses(() => readPairFiles({ certificateFile, keyFile: missing }), "files.missing", missing);
    refuses(() => readPairFiles({ certificateFile: missing, keyFile }), "files.missing", missing);
  });

  it("a key that does not fit is refused naming both", () => {
    const torn = { certificateFile: server.certificateFile, keyFile: rsa.keyFile };
    refuses(() => readPairFiles(torn), "files.pair_mismatch", torn.certificateFile, torn.keyFile);
  });

  for (const mode of [0o640, 0o604, 0o644, 0o660]) {
    it(`a key file of mode ${mode.toString(8)} is refused, with the command that closes it`, () => {
      const keyFile = write(`open-${mode}.key`, server.keyPem, mode);
      const pair = { certificateFile: server.certificateFile, keyFile };
      refuses(() => readPairFiles(pair), "files.key_open", keyFile, mode.toString(8));
    });
  }

  it("an encrypted key, a weak one and one that is none are refused by name, without a word of the key", () => {
    const { certificateFile } = weak;
    pki.run("pkey", "-in", "server.key", "-aes256", "-passout", "pass:1111", "-out", "locked.key");
    const locked = { certificateFile, keyFile: join(folder, "locked.key") };
    refuses(() => readPairFiles(locked), "files.key_encrypted", "locked.key");
    refuses(() => readPairFiles(weak), "files.key_refused", "weak.key", "RSA of 1024 bits");
    const none = { certificateFile, keyFile: write("none.key", "secret words") };
    assert.throws(
      () => readPairFiles(none),
      (error) => {
        assert.ok(isTautlineError(error));
        assert.equal(error.code, "files.key_refused");
        assert.ok(!error.message.includes("secret"));
        return true;
      },
    );
  });

  it("a link to a file is followed; a folder and a file without end are refused", () => {
    const keyFile = join(folder, "linked.key");
    symlinkSync(server.keyFile, keyFile);
    assert.ok(readPairFiles({ certificateFile: server.certificateFile, keyFile }));
    mkdirSync(join(folder, "folder.crt"));
    for (const certificateFile of [join(folder, "folder.crt"), "/dev/zero"]) {
      refuses(
        () => readPairFiles({ certificateFile, keyFile }),
        "files.unreadable",
        certificateFile,
      );
    }
    const long = write("long.crt", Buffer.alloc(256 * 1024 + 1, 32));
    refuses(() => readPairFiles({ certificateFile: long, keyFile }), "files.unreadable", long);
  });
});

describe("a file of authorities", () => {
  it("gives all of them", () => {
    const file = write("both.crt", ca.certificatePem + ca.certificatePem);
    assert.equal(readAuthorities(file).length, 2);
  });

  it("is refused whole for one that is no authority's, is weak, or of version 1", () => {
    const mixed = write("mixed.crt", ca.certificatePem + server.certificatePem);
    refuses(() => readAuthorities(mixed), "files.certificates_refused", mixed, "CN=server");
    const weakRoot = pki.issue({
      name: "weak-root",
      key: "rsa1024",
      extensions: ["basicConstraints=CA:TRUE"],
    });
    refuses(
      () => readAuthorities(weakRoot.certificateFile),
      "files.certificates_refused",
      "1024 bits",
    );
    const old = pki.issue({ name: "old" });
    refuses(() => readAuthorities(old.certificateFile), "files.certificates_refused", "version 3");
    refuses(() => readAuthorities(server.keyFile), "files.certificates_refused", server.keyFile);
  });
});
