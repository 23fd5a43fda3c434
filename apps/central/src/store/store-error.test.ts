import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { explainStoreError } from "./store-error.ts";

/** As node:sqlite throws them: the extended result code in `errcode`. */
const sqliteError = (errcode: number): Error =>
  Object.assign(new Error("reason"), { code: "ERR_SQLITE_ERROR", errcode });

const rows: { name: string; errcode: number; code: string }[] = [
  { name: "BUSY", errcode: 5, code: "store.locked" },
  { name: "BUSY_RECOVERY", errcode: 5 | (1 << 8), code: "store.locked" },
  { name: "LOCKED", errcode: 6, code: "store.locked" },
  { name: "CORRUPT", errcode: 11, code: "store.damaged" },
  { name: "CORRUPT_INDEX", errcode: 11 | (3 << 8), code: "store.damaged" },
  { name: "NOTADB", errcode: 26, code: "store.damaged" },
  { name: "FULL", errcode: 13, code: "store.full" },
  { name: "READONLY", errcode: 8, code: "store.failed" },
  { name: "IOERR_FSYNC", errcode: 10 | (4 << 8), code: "store.failed" },
  { name: "CANTOPEN", errcode: 14, code: "store.failed" },
];

describe("explainStoreError", () => {
  for (const { name, errcode, code } of rows) {
    it(`calls SQLITE_${name} ${code}`, () => {
      const cause = sqliteError(errcode);
      const error = explainStoreError(cause, "central.db");
      assert.ok(isTautlineError(error));
      assert.equal(error.code, code);
      assert.equal(error.cause, cause);
    });
  }

  it("passes on what did not come from SQLite", () => {
    const ours = new TautlineError("enrolment.token_revoked");
    for (const error of [ours, new Error("x"), undefined, "text", { errcode: "5" }]) {
      assert.equal(explainStoreError(error, "central.db"), error);
    }
  });
});
