import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { test } from "node:test";
import { spkiPin } from "@tautline/pki";
import { createFleetAuthority, testNow } from "../test/fleet-authority.ts";
import { startAcceptor } from "../test/running-acceptor.ts";
import { dialPinned, type DialledLink } from "./dial-tls.ts";

const authority = createFleetAuthority();

/** A resolver that answers what the test wants, and counts how often it was asked. */
function resolver(answer: () => readonly string[]): LookupFunction & { asked: string[] } {
  const asked: string[] = [];
  const lookup: LookupFunction = (name, options, callback) => {
    asked.push(name);
    const all: LookupAddress[] = answer().map((address) => ({
      address,
      family: address.includes(":") ? 6 : 4,
    }));
    const [first] = all;
    if (options.all === true) callback(null, all);
    else callback(null, first?.address ?? "", first?.family ?? 4);
  };
  return Object.assign(lookup, { asked });
}

function dial(port: number, lookup: LookupFunction, timeoutMs = 20_000): Promise<DialledLink> {
  const { trustDomain } = authority;
  const pins = [spkiPin(authority.root)];
  const host = "central.example";
  return dialPinned({ host, port, lookup, pins, trustDomain, timeoutMs, now: testNow });
}

test("a name with an IPv6 address where nobody listens is reached by its IPv4 address", async () => {
  await using central = await startAcceptor(authority);
  const lookup = resolver(() => ["::1", "127.0.0.1"]);
  const { socket } = await dial(central.port, lookup);
  assert.equal(socket.remoteAddress, "127.0.0.1");
  socket.destroy();
});

test("a name is looked up at each dial: central may move behind it", async () => {
  await using central = await startAcceptor(authority);
  const answers = [["127.0.0.3"], ["127.0.0.1"]];
  const lookup = resolver(() => answers.shift() ?? []);
  await assert.rejects(dial(central.port, lookup));
  const { socket } = await dial(central.port, lookup);
  assert.equal(socket.remoteAddress, "127.0.0.1");
  assert.deepEqual(lookup.asked, ["central.example", "central.example"]);
  socket.destroy();
});
