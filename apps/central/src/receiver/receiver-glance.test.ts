import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlaceState } from "./backend-upstreams.ts";
import { evidenceAt } from "./fixture-links.test.ts";
import type { LiveReceiverLink } from "./link-table.ts";
import { glanceAtReceiver } from "./receiver-glance.ts";

const PLACES: Readonly<Record<string, readonly PlaceState["state"][]>> = {
  one: ["ready"],
  second: ["out", "ready"],
  gone: ["out", "out"],
  half: ["out", "idle"],
  fresh: ["idle"],
  unknown: [],
};

test("backends are ready, idle or out by all of their places, and links are counted by level", () => {
  const levels = ["tls", "mtls", "mtls"] as const;
  const links = levels.map((level) => ({ evidence: evidenceAt(level) }) as LiveReceiverLink);
  const receiver = {
    healthOf: (name: string) =>
      (PLACES[name] ?? []).map((state) => ({ state }) as unknown as PlaceState),
    links: () => links,
  };
  const backends = Object.keys(PLACES).map((name) => ({ name }));
  const at = { host: "::1", port: 11_801 };
  const ports = { addressesOf: (name: string) => (name === "receiver" ? [at] : []) };
  assert.deepEqual(glanceAtReceiver(receiver, backends, ports), {
    addresses: ["[::1]:11801"],
    backends: { ready: 2, idle: 3, out: 1 },
    links: [
      { level: "tls", links: 1 },
      { level: "mtls", links: 2 },
    ],
  });
  const nothing = { addresses: [], backends: { ready: 0, idle: 0, out: 0 }, links: [] };
  assert.deepEqual(glanceAtReceiver({ ...receiver, links: () => [] }, [], undefined), nothing);
});
