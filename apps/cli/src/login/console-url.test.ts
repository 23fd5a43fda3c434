import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTautlineError } from "@tautline/protocol";
import { parseConsoleUrl } from "./console-url.ts";

const READ = [
  ["https://central.example.org", "central.example.org", 8443],
  ["https://central.example.org/", "central.example.org", 8443],
  ["https://central.example.org:9443", "central.example.org", 9443],
  ["https://central.example.org:443", "central.example.org", 443],
  ["https://192.0.2.1:8443", "192.0.2.1", 8443],
  ["https://[2001:db8::1]:8443", "2001:db8::1", 8443],
  ["https://[::1]", "::1", 8443],
] as const;

for (const [text, host, port] of READ) {
  test(`${text} is ${host}, port ${port}`, () =>
    assert.deepEqual(parseConsoleUrl(text), { host, port }));
}

const REFUSED = [
  ["central.example.org:8443", /it is no URL/],
  ["", /it is no URL/],
  ["http://central.example.org:8443", /does not start with https/],
  ["wss://central.example.org:9150", /does not start with https/],
  ["https://ana:secret@central.example.org", /holds a user or password/],
  ["https://central.example.org/api", /something follows/],
  ["https://central.example.org/?x=1", /something follows/],
  ["https://central.example.org:99999", /it is no URL/],
] as const;

for (const [text, reason] of REFUSED) {
  test(`'${text}' is no console's address`, () =>
    assert.throws(
      () => parseConsoleUrl(text),
      (error) => {
        assert.ok(isTautlineError(error));
        assert.equal(error.code, "cli.console_url");
        assert.match(error.message, reason);
        assert.equal(error.message.includes("secret"), false);
        return true;
      },
    ));
}

test("any text gives an address or a refusal of ours", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => {
      try {
        const { port } = parseConsoleUrl(text);
        assert.ok(port >= 0 && port < 65_536);
      } catch (error) {
        assert.ok(isTautlineError(error), String(error));
      }
    }),
  );
});
