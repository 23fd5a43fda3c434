import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, property, string } from "fast-check";
import { objectionTo, readServicePlace, type ServiceObjection } from "./service-place.ts";

const PLACES: readonly (readonly [text: string, objection: ServiceObjection | undefined])[] = [
  ["127.0.0.1:22", undefined],
  ["127.1.2.3:22", undefined],
  ["[::1]:22", undefined],
  ["[::ffff:127.0.0.1]:22", undefined],
  ["unix:/run/docker.sock", undefined],
  ["unix:own.sock", undefined],
  ["192.168.7.9:5432", undefined],
  ["[2001:db8::7]:5432", undefined],
  ["169.254.169.254:80", "only if meant"],
  ["[::ffff:169.254.169.254]:80", "only if meant"],
  ["[fe80::1]:80", "only if meant"],
  ["100.100.100.200:80", "only if meant"],
  ["[64:ff9b::127.0.0.1]:80", "only if meant"],
  ["0.0.0.0:80", "never"],
  ["[::]:80", "never"],
  ["224.0.0.1:80", "never"],
  ["255.255.255.255:80", "never"],
];
for (const [text, objection] of PLACES) {
  test(`a service at ${text} is ${objection === undefined ? "listed by being written" : `taken ${objection}`}`, () => {
    const place = readServicePlace(text);
    assert.ok(place);
    assert.equal(objectionTo(place), objection);
  });
}

const NO_PLACES = [
  "localhost:22",
  "127.0.0.1:0",
  "127.0.0.1",
  ":22",
  "unix:",
  "127.1:22",
  "::1:22",
];
for (const text of NO_PLACES) {
  test(`'${text}' is no place of a service`, () => assert.equal(readServicePlace(text), undefined));
}

test("F15: any text is read or is none, and never throws", () =>
  check(
    property(string(), (text) => {
      const place = readServicePlace(text);
      if (place !== undefined) objectionTo(place);
    }),
  ));
