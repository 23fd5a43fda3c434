import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { connectTcp } from "./connect-tcp.ts";

/** Fails as the kernel does where the other end resets a connection that it has just taken. */
const failing = (code: string) =>
  connectTcp({
    host: "central.example.org",
    port: 8787,
    signal: new AbortController().signal,
    lookup: (_host, _options, done) => done(Object.assign(new Error(code), { code }), ""),
  });

describe("a connection over which nothing was said yet", () => {
  it("that is reset at once is called unreachable: no handshake was cut, and none may be meant to follow", async () => {
    await assert.rejects(failing("ECONNRESET"), (error) => {
      assert.ok(isTautlineError(error));
      assert.equal(error.code, "link.unreachable");
      assert.match(error.message, /central\.example\.org:8787: the connection was reset/);
      return true;
    });
  });

  it("that fails in another way is left to be named by who dials", async () => {
    await assert.rejects(failing("ECONNREFUSED"), { code: "ECONNREFUSED" });
  });
});
