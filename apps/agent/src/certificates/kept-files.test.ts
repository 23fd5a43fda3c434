import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { certificatesFromPem, serialOf } from "@tautline/pki";
import { withTempFolder } from "@tautline/testing";
import { createProgramAuthority } from "../../test/program-authority.ts";
import type { CertificateSettings } from "./certificate-settings.ts";
import { checkPair, type KeptPair, readKept, reasonOf, writeKept } from "./kept-files.ts";

const NOW_MS = Date.UTC(2026, 10, 28);
const HOUR_MS = 3_600_000;
const NAMES = ["db.example.org", "10.0.0.5", "2001:db8::5"];
const ours = createProgramAuthority();
const strangers = createProgramAuthority();
const roots = certificatesFromPem(ours.rootsPem);
const order = { names: NAMES, use: "server", nowMs: NOW_MS, lifeMs: HOUR_MS } as const;
const good = ours.pair(order);

const settingsIn = (folder: string): CertificateSettings => ({
  folder,
  names: NAMES,
  use: "server",
  files: {},
  keyMode: "0600",
});

const BAD: readonly [what: string, pair: KeptPair, reason: RegExp][] = [
  ["A6: of another root", strangers.pair(order), /root|issuer|trusted/i],
  ["A10: over another key", { ...good, keyPem: ours.pair(order).keyPem }, /another key/],
  [
    "A12: with one name too few",
    ours.pair({ ...order, names: NAMES.slice(0, 2) }),
    /does not name 2001:db8::5/,
  ],
  [
    "A12: with a name that nobody asked for",
    ours.pair({ ...order, names: [...NAMES, "more.example.org"] }),
    /names nobody asked for/,
  ],
  ["A16: for the other use", ours.pair({ ...order, use: "client" }), /extended key usage/],
  ["A16: for a use more", ours.pair({ ...order, use: "both" }), /more than was asked/],
  ["that has ended", ours.pair({ ...order, nowMs: NOW_MS - 2 * HOUR_MS }), /expired|ended/],
  ["that is none", { ...good, chainPem: "" }, /no CERTIFICATE block/],
  ["that is no text of ours", { ...good, chainPem: "nonsense" }, /PEM|certificate/],
];

describe("a certificate that central sent for a program", () => {
  it("is taken if it is exactly what was asked for", () => {
    const leaf = checkPair(good, {
      settings: { names: NAMES, use: "server" },
      roots,
      nowMs: NOW_MS,
    });
    assert.equal(leaf.subject, "CN=db.example.org");
    for (const use of ["client", "both"] as const) {
      const pair = ours.pair({ ...order, use });
      checkPair(pair, { settings: { names: NAMES, use }, roots, nowMs: NOW_MS });
    }
  });

  for (const [what, pair, reason] of BAD) {
    it(`is refused ${what}`, () => {
      const settings = { names: NAMES, use: "server" } as const;
      assert.throws(
        () => checkPair(pair, { settings, roots, nowMs: NOW_MS }),
        (error) => reason.test(reasonOf(error)),
      );
    });
  }
});

describe("the files of a program's certificate", () => {
  it("are read back as they were written, with the root beside them", () =>
    withTempFolder(async (folder) => {
      const settings = settingsIn(join(folder, "tls"));
      assert.equal(readKept(settings, { roots, nowMs: NOW_MS }), undefined);
      writeKept(settings, good, ours.rootsPem);
      const leaf = readKept(settings, { roots, nowMs: NOW_MS });
      const [written] = certificatesFromPem(good.chainPem);
      assert.ok(leaf && written);
      assert.equal(serialOf(leaf), serialOf(written));
      assert.equal(readFileSync(join(settings.folder, "ca.crt"), "utf8"), ours.rootsPem);
      assert.equal(statSync(join(settings.folder, "server.pem")).mode & 0o777, 0o600);
    }));

  it("have names of choice, and the key's mode of choice", () =>
    withTempFolder(async (folder) => {
      const files = { cert: "tls.crt", key: "tls.key", ca: "root.pem" };
      const settings = { ...settingsIn(folder), files, keyMode: "0640" as const };
      writeKept({ ...settings, owner: `${userInfo().uid}:${userInfo().gid}` }, good, ours.rootsPem);
      assert.equal(statSync(join(folder, "tls.key")).mode & 0o777, 0o640);
      assert.ok(readKept(settings, { roots, nowMs: NOW_MS }));
    }));

  it("F2: of which one is another's, torn or old are as good as none", () =>
    withTempFolder(async (folder) => {
      const settings = settingsIn(folder);
      const spoil = (name: string, content: string): void => {
        writeKept(settings, good, ours.rootsPem);
        writeFileSync(join(folder, name), content);
        assert.equal(readKept(settings, { roots, nowMs: NOW_MS }), undefined, name);
      };
      spoil("server.pem", ours.pair(order).keyPem);
      spoil("server.crt", good.chainPem.slice(0, 200));
      spoil("server.crt", "");
      writeKept(settings, good, ours.rootsPem);
      assert.equal(readKept(settings, { roots, nowMs: NOW_MS + 2 * HOUR_MS }), undefined);
    }));

  it("are not written for a user that is not there, which is said", () =>
    withTempFolder(async (folder) => {
      const settings = { ...settingsIn(folder), owner: "no-such-user" };
      assert.throws(() => writeKept(settings, good, ours.rootsPem), {
        code: "certificate.file_unwritable",
        message: /there is no user 'no-such-user'/,
      });
    }));
});
