import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { createSocketClient } from "../client.ts";
import type { Row } from "../row.ts";
import { withFakeCentral } from "../test-world.ts";
import { askReceiver, examineReceiver, type ReceiverFacts } from "./examine-receiver.ts";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const AN_HOUR_AGO = "2026-11-28T11:00:00Z";

const examine = (facts: Partial<ReceiverFacts>) =>
  examineReceiver({ backends: [], seen: {}, listeners: [], ...facts }, NOW);
const whats = (facts: Partial<ReceiverFacts>): readonly string[] =>
  examine(facts).map(({ severity, what }) => `${severity} ${what}`);

const place = (state: string, error: string | null = null): Row => ({
  target: "oap.example.org:11800",
  state,
  error,
});
const refusal = (code: string, changes: Row = {}): Row => ({
  code,
  sentence: "A sentence.",
  remedy: "A remedy.",
  count: 3,
  firstAt: AN_HOUR_AGO,
  lastAt: AN_HOUR_AGO,
  from: ["192.0.2.1", "192.0.2.2"],
  ...changes,
});

const plaintext = (addresses: readonly string[]): Row => ({
  name: "receiver-plaintext",
  addresses,
});

const token = (expiresAt: string): Row => ({ client: "shop", id: "t1", expiresAt });

const claim = (changes: Row): Row => ({
  claimant: "client:shop",
  backend: "oap",
  claimed: "service 'victim'",
  refused: true,
  count: 2,
  lastAt: AN_HOUR_AGO,
  ...changes,
});

describe("examineReceiver", () => {
  it("SWP-5: a backend of which every place is out is an error with the reason of each; others are none", () => {
    const reason = "Central cannot reach backend 'oap': the connection was refused.";
    const backends = [
      { name: "oap", places: [place("out", reason), place("out", "Its certificate is wrong.")] },
      { name: "half", places: [place("out", reason), place("ready")] },
      { name: "fresh", places: [place("idle")] },
      { name: "unknown", places: [] },
    ];
    const [finding, ...others] = examine({ backends });
    assert.deepEqual(others, []);
    assert.equal(finding?.severity, "error");
    assert.match(finding?.what ?? "", /^Backend 'oap' cannot be reached: .*refused.*wrong\.$/);
    assert.match(finding?.remedy ?? "", /'tautline backends show oap'/);
  });

  it("plaintext from other hosts is a warning, from this host alone it is none", () => {
    assert.deepEqual(whats({ listeners: [plaintext(["127.0.0.1:11800", "[::1]:11800"])] }), []);
    const [open] = examine({ listeners: [plaintext(["[::]:11800"])] });
    assert.equal(open?.where, "[::]:11800");
    assert.match(open?.remedy ?? "", /listeners set receiver-plaintext --bind off/);
    assert.deepEqual(whats({ listeners: [{ name: "plaintext", addresses: ["[::]:1"] }] }), []);
  });

  it("SWP-3: a token that is used and ends within seven days is a warning; a later end is none", () => {
    const tokens = [token("2026-12-05T12:00:00Z"), token("2026-12-05T12:00:01Z")];
    const [soon, ...others] = examine({ seen: { tokens } });
    assert.deepEqual(others, []);
    assert.match(soon?.what ?? "", /^A token that is used ends 2026-12-05T12:00:00Z/);
    assert.equal(soon?.where, "client shop, token t1");
    assert.match(soon?.remedy ?? "", /'tautline clients rotate shop'/);
  });

  it("SWP-5: whoever was refused is named by code, with sentence, remedy and the addresses", () => {
    const refusals = [
      refusal("receiver.token_ended"),
      refusal("pki.chain_untrusted", { count: 1 }),
      refusal("receiver.route_level"),
      refusal("receiver.claim_refused"),
      refusal("receiver.backend_unreachable"),
    ];
    const [ended, foreign, level, ...others] = examine({ seen: { refusals } });
    assert.deepEqual(others, [], "what has a finding of its own, or is no caller's fault");
    assert.match(
      ended?.what ?? "",
      /^A token that has ended is still tried \(receiver\.token_ended\), 3 times, the last time 2026/,
    );
    assert.equal(ended?.where, "telemetry from 192.0.2.1, 192.0.2.2");
    assert.deepEqual([ended?.why, ended?.remedy], ["A sentence.", "A remedy."]);
    assert.match(foreign?.what ?? "", /^Callers of telemetry show certificates of another .*once/);
    assert.match(level?.what ?? "", /^Telemetry was refused \(receiver\.route_level\)/);
  });

  it("a name that was claimed and may not be is a warning that says whether it went through", () => {
    const claims = [claim({}), claim({ refused: false, claimed: "unreadable: it is damaged" })];
    const [refused, through] = examine({ seen: { claims } });
    assert.match(refused?.what ?? "", /^Telemetry of client:shop claims to be service 'victim'/);
    assert.match(refused?.why ?? "", /^It was refused/);
    assert.match(refused?.remedy ?? "", /tautline clients allow client:shop/);
    assert.match(through?.why ?? "", /^It went through/);
    assert.match(through?.remedy ?? "", /--route and without --claims/);
    const many = Array.from({ length: 12 }, (_, at) =>
      claim({ claimed: `service '${at}'`, lastAt: `2026-11-28T11:00:${10 + at}Z` }),
    );
    const named = whats({ seen: { claims: many } });
    assert.equal(named.length, 10);
    assert.match(named[0] ?? "", /service '11'/);
  });
});

test("a backend that no call has needed yet is tried, and one that is known is not", () =>
  withTempFolder((folder) => {
    const fresh = { name: "fresh", places: [place("idle")] };
    const known = { name: "known", places: [place("ready")] };
    const tried = { name: "fresh", places: [place("out", "It is away.")] };
    const answers = {
      "GET /api/v1/backends": { body: { items: [fresh, known] } },
      "GET /api/v1/backends/fresh?check=true": { body: tried },
      "GET /api/v1/receiver": { body: { tokens: [], refusals: [], claims: [] } },
    };
    return withFakeCentral(folder, answers, async () => {
      const client = createSocketClient({ dataDir: folder, cwd: folder });
      assert.deepEqual((await askReceiver(client)).backends, [tried, known]);
    });
  }));
