import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { explainListenError, type ListenPlace } from "./listen-error.ts";

const place: ListenPlace = { listener: "agents'", host: "::1", port: 80, flag: "--agents-port" };
const explain = (code: string): unknown =>
  explainListenError(Object.assign(new Error(code), { code }), place);

describe("explainListenError", () => {
  const rows: [code: string, ours: string, says: RegExp][] = [
    ["EADDRINUSE", "central.address_in_use", /^The agents' port \[::1\]:80 is in use/],
    ["EACCES", "central.cannot_listen", /\[::1\]:80: this user may not take that port\.$/],
    ["EADDRNOTAVAIL", "central.cannot_listen", /no address of this host/],
    ["ENOTFOUND", "central.cannot_listen", /name is not known/],
    ["EAFNOSUPPORT", "central.cannot_listen", /does not speak/],
    ["EWHATEVER", "central.cannot_listen", /EWHATEVER/],
  ];
  for (const [code, ours, says] of rows) {
    it(`explains ${code}, with the flag that moves the port`, () => {
      const error = explain(code);
      assert.ok(isTautlineError(error));
      assert.equal(error.code, ours);
      assert.match(error.message, says);
      assert.match(error.remedy, /--agents-port/);
    });
  }

  it("passes on what the operating system did not say", () => {
    const error = new TypeError("ours");
    assert.equal(explainListenError(error, place), error);
  });
});
