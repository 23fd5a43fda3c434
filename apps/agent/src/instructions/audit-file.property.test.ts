import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { withTempFolder } from "@tautline/testing";
import { readAuditFile } from "./audit-file.ts";

test("any bytes are a trail or a finding, never a crash", async () => {
  await withTempFolder((folder) => {
    const file = join(folder, "audit.jsonl");
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ previous: fc.string(), hash: fc.string(), body: fc.string() })
        .map((entry) => JSON.stringify(entry)),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(line, { maxLength: 4 }).map((lines) => Buffer.from(lines.join("\n"))),
    );
    fc.assert(
      fc.property(bytes, (content) => {
        writeFileSync(file, content, { mode: 0o600 });
        const found = readAuditFile(file);
        if (found.ok) assert.equal(found.wholeBytes + found.tornBytes, content.length);
        else assert.ok(found.reason.length > 0);
      }),
      { numRuns: 300 },
    );
  });
});
