import assert from "node:assert/strict";
import { constants } from "node:crypto";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { createFleetAuthority } from "../test/fleet-authority.ts";
import { dialSettings, rootsPem, serverSettings } from "./tls-settings.ts";

const authority = createFleetAuthority();
const identity = authority.central();

test("both ends: TLS 1.3 only, no tickets, no renegotiation, hybrid group first", () => {
  const roots = rootsPem([authority.root]);
  for (const settings of [serverSettings(identity, roots), dialSettings("central.test")]) {
    assert.equal(settings.minVersion, "TLSv1.3");
    assert.equal(settings.maxVersion, "TLSv1.3");
    assert.match(settings.ecdhCurve ?? "", /^X25519MLKEM768/);
    const options = settings.secureOptions ?? 0;
    assert.ok(options & constants.SSL_OP_NO_TICKET);
    assert.ok(options & constants.SSL_OP_NO_RENEGOTIATION);
    assert.ok(createSecureContext(settings));
  }
});

test("HTTP/1.1 is the one protocol inside that either end agrees to", () => {
  assert.deepEqual(dialSettings("central.test").ALPNProtocols, ["http/1.1"]);
  const { ALPNCallback: choose } = serverSettings(identity, "");
  const choice = (...protocols: string[]) => choose?.({ servername: "", protocols });
  assert.equal(choice("h2", "http/1.1"), "http/1.1");
  assert.equal(choice("h2", "smtp"), undefined);
  assert.equal(choice(), undefined);
});

test("neither end trusts the authorities of the system", () => {
  assert.deepEqual(dialSettings("central.test").ca, []);
  assert.deepEqual(serverSettings(identity, "").ca, []);
});

test("an end without a certificate of its own shows none", () => {
  assert.equal("key" in dialSettings("central.test"), false);
  assert.equal(dialSettings("central.test", identity).cert, identity.chainPem);
});
