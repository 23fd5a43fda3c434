import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTautlineError, LEVELS } from "@tautline/protocol";
import { parseHostPort } from "@tautline/link";
import { parseCentralUrl } from "./central-url.ts";

const isRefused = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "agent.central_url" && error.exitCode === 2;

test("QM-4: host, host:port and the four schemes are read, with the usual port of the level", () => {
  const cases: [text: string, plaintext: string, basic: string][] = [
    ["central.example", "central.example:8787", "central.example:9150"],
    ["central.example:1", "central.example:1", "central.example:1"],
    ["ws://central.example", "central.example:8787", "central.example:9150"],
    ["HTTP://central.example:80/", "central.example:80", "central.example:80"],
    ["http://10.0.0.1/v1/opamp", "10.0.0.1:8787", "10.0.0.1:9150"],
    ["[2001:db8::1]", "[2001:db8::1]:8787", "[2001:db8::1]:9150"],
    ["ws://[::1]:5", "[::1]:5", "[::1]:5"],
  ];
  for (const [text, plaintext, basic] of cases) {
    assert.equal(parseCentralUrl(text, "plaintext"), plaintext);
    assert.equal(parseCentralUrl(text, "basic"), basic);
    assert.equal(parseCentralUrl(text, "advanced"), basic);
  }
  for (const scheme of ["wss", "https"]) {
    assert.equal(parseCentralUrl(`${scheme}://c`, "advanced"), "c:9150");
  }
});

test("a scheme that promises TLS is not dialled in plaintext", () => {
  for (const text of ["wss://c", "https://c:8787", "WSS://c"]) {
    assert.throws(() => parseCentralUrl(text, "plaintext"), isRefused, text);
  }
});

test("what is no place is refused: logins, paths, queries, other schemes, ports that are none", () => {
  const texts = [
    "",
    "ftp://c",
    "user:pw@c",
    "ws://u@c:1",
    "c/other",
    "ws://c?x",
    "ws://c#x",
    "c:0",
    "c:65536",
    "::1",
    "a b",
    "[fe80::1",
    "http:///x",
    "c:1:2",
  ];
  for (const text of texts) {
    assert.throws(() => parseCentralUrl(text, "basic"), isRefused, text);
  }
});

test("no text does anything but give an address that reads back, or the one refusal", () => {
  const scheme = fc.constantFrom("", "ws://", "wss://", "http://", "https://", "HTTPS://");
  const place = fc.oneof(
    fc.string(),
    fc.domain(),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.ipV4(),
  );
  const port = fc.oneof(
    fc.constant(""),
    fc.nat(70_000).map((number) => `:${number}`),
  );
  const path = fc.oneof(fc.constant(""), fc.constant("/"), fc.webPath());
  const text = fc.oneof(
    fc.string(),
    fc.tuple(scheme, place, port, path).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, fc.constantFrom(...LEVELS), (input, level) => {
      try {
        const address = parseCentralUrl(input, level);
        const { host, port: number } = parseHostPort(address, 1);
        assert.ok(host !== "" && number >= 1 && number <= 65_535);
        assert.equal(parseCentralUrl(address, level), address);
      } catch (error) {
        assert.ok(isRefused(error), String(error));
      }
    }),
  );
});
