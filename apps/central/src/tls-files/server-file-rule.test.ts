import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { planServerFiles, type ServerFileSituation } from "./server-file-rule.ts";

const found = {
  certificate: "/d/tls/server.crt",
  pem: "/d/tls/server.pem",
  key: "/d/tls/server.key",
  ca: "/d/tls/ca.crt",
};
const { certificate: crt, pem, key, ca } = found;
const NOTHING = { pair: false, clients: false };
const NAMED = { certificateFile: "/e/c.crt", keyFile: "/e/c.key" };

type Change = Partial<Pick<ServerFileSituation, "settings" | "switchedOn">>;

/** Key, client authorities, what is remembered; or the code and the file that is named. */
function outcome(present: readonly string[], change: Change): readonly unknown[] {
  try {
    const { pair, clientCaFile, byFound } = planServerFiles({
      settings: {},
      switchedOn: NOTHING,
      ...change,
      found,
      isPresent: (file) => present.includes(file),
      marker: "/d/tls-files.json",
    });
    const kept = [...(byFound.pair ? ["pair"] : []), ...(byFound.clients ? ["clients"] : [])];
    return [pair?.keyFile, clientCaFile, kept.join()];
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    return [error.code, error.detail["file"] ?? error.detail["other"]];
  }
}

const on = (pair: boolean, clients: boolean): Change => ({ switchedOn: { pair, clients } });

const TABLE: readonly [string, readonly string[], Change, readonly unknown[]][] = [
  ["no files: central's own certificate alone", [], {}, [undefined, undefined, ""]],
  ["server.crt with server.pem", [crt, pem], {}, [pem, undefined, "pair"]],
  ["server.crt with server.key", [crt, key], {}, [key, undefined, "pair"]],
  ["with ca.crt its clients are taken (SW-8)", [crt, pem, ca], {}, [pem, ca, "pair,clients"]],
  ["ca.crt alone takes clients", [ca], {}, [undefined, ca, "clients"]],
  ["SW-9: a certificate without its key", [crt], {}, ["files.missing", pem]],
  ["SW-9: a key without its certificate", [key], {}, ["files.missing", crt]],
  ["two keys", [crt, pem, key], {}, ["files.two_keys", key]],
  [
    "a named pair stands above a found one",
    [crt, pem],
    { settings: NAMED },
    [NAMED.keyFile, undefined, ""],
  ],
  [
    "named authorities stand above ca.crt",
    [ca],
    { settings: { clientCaFile: "/e/ca" } },
    [undefined, "/e/ca", ""],
  ],
  ["SWP-1: the pair may not be missing later", [ca], on(true, true), ["files.switched_on", crt]],
  ["SWP-1: ca.crt may not be missing later", [crt, pem], on(true, true), ["files.switched_on", ca]],
  [
    "settings go on where found files began",
    [],
    { settings: NAMED, ...on(true, false) },
    [NAMED.keyFile, undefined, ""],
  ],
];

describe("which files of an existing PKI central uses", () => {
  for (const [what, present, change, expected] of TABLE) {
    it(what, () => assert.deepEqual(outcome(present, change), expected));
  }
});
