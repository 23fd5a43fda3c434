import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { createLog, LOG_LEVELS, type Logger, type LogLevel } from "./log.ts";

function logTo(level: LogLevel = "info"): {
  log: Logger;
  lines: Record<string, unknown>[];
  raw: string[];
} {
  const raw: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    raw.push(line);
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  return { log: createLog("central", level, { write }), lines, raw };
}

describe("createLog", () => {
  it("writes one JSON object a line with name, level and UTC time", () => {
    const { log, lines, raw } = logTo();
    log.info({ port: 1 }, "listening");
    const [line] = lines;
    assert.equal(raw.length, 1);
    assert.match(raw[0] ?? "", /^[^\n]+\n$/);
    assert.equal(line?.["name"], "central");
    assert.equal(line?.["level"], "info");
    assert.equal(line?.["msg"], "listening");
    assert.match(String(line?.["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("leaves out what is less severe than its level", () => {
    for (const [at, level] of LOG_LEVELS.entries()) {
      const { log, lines } = logTo(level);
      for (const each of LOG_LEVELS) log[each]("x");
      assert.equal(lines.length, LOG_LEVELS.length - at, level);
    }
  });

  it("keeps a text with line ends on one line (no log injection)", () => {
    const { log, raw } = logTo();
    log.warn({ from: 'x\n{"level":"info"}' }, "a\nb");
    assert.equal(raw.length, 1);
    assert.equal((raw[0] ?? "").indexOf("\n"), (raw[0] ?? "").length - 1);
  });

  it("promise 6: hides secrets by name, at the top and two levels down", () => {
    const names = [
      "authorization",
      "cookie",
      "credential",
      "key",
      "keyPem",
      "passphrase",
      "password",
      "privateKey",
      "psk",
      "secret",
      "token",
      "value",
    ];
    for (const name of names) {
      const { log, raw } = logTo();
      const secret = { [name]: "s3cr3t" };
      log.info({ ...secret, a: secret, b: { c: secret } }, "x");
      assert.equal((raw[0] ?? "").includes("s3cr3t"), false, name);
      assert.equal((raw[0] ?? "").split("[hidden]").length, 4, name);
    }
  });

  it("writes our errors with code, sentence, remedy and cause, and no stack", () => {
    const { log, lines } = logTo();
    const cause = new TypeError("underneath");
    const detail = { file: "central.yaml", reason: "ENOENT" };
    log.error({ err: new TautlineError("config.unreadable", { detail, cause }) }, "x");
    const err = lines[0]?.["err"] as Record<string, unknown>;
    assert.equal(err["code"], "config.unreadable");
    assert.equal(err["message"], "The settings file central.yaml cannot be read: ENOENT.");
    assert.equal(err["remedy"], "Check the path and the file's rights.");
    assert.equal(err["stack"], undefined);
    const under = err["cause"] as Record<string, unknown>;
    assert.equal(under["message"], "underneath");
    assert.match(String(under["stack"]), /log\.test\.ts/);
  });

  it("writes errors of Node with their code and the place they came from", () => {
    const { log, lines } = logTo();
    log.error({ err: Object.assign(new Error("gone"), { code: "EPIPE" }) }, "x");
    const err = lines[0]?.["err"] as Record<string, unknown>;
    assert.equal(err["code"], "EPIPE");
    assert.match(String(err["stack"]), /log\.test\.ts/);
  });

  it("writes what is no error without looking into it", () => {
    const thrown: [unknown, string][] = [
      ["text", "text"],
      [5, "5"],
      [undefined, "a thrown undefined"],
      [{ secret: 1 }, "a thrown object"],
      [Object.create(null), "a thrown object"],
    ];
    for (const [value, message] of thrown) {
      const { log, lines } = logTo();
      log.error({ err: new Error("x", { cause: value }), other: 1 }, "x");
      const err = lines[0]?.["err"] as { cause?: Record<string, unknown> };
      assert.equal(err.cause?.["message"], value === undefined ? undefined : message);
    }
  });

  it("ends at a chain of causes that runs in a circle", () => {
    const { log, lines } = logTo();
    const first = new Error("first");
    first.cause = new Error("second", { cause: first });
    log.error({ err: first }, "x");
    assert.equal(lines.length, 1);
  });
});
