import assert from "node:assert/strict";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { renderPage } from "../table.ts";
import { runLine, TEST_NOW_MS } from "../test-world.ts";
import { statusLines } from "./status.ts";

const plain = (_style: string, text: string): string => text;

const STATUS = {
  id: "0197d3b1-7c00-7abc-8def-0123456789ab",
  name: "web-1",
  namespace: "default",
  state: "active",
  running: true,
  version: "0.1.0",
  central: {
    addresses: ["c:9150", "d:9150"],
    connected: true,
    lastAnswerAt: "2026-11-22T10:03:00Z",
    offers: { version: "0.2.0", levels: ["tls", "mtls"] },
  },
  level: "mtls",
  key: null,
  provenLevel: "mtls",
  promotion: null,
  link: {
    level: "mtls",
    protocol: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    group: "X25519MLKEM768",
    since: "2026-11-22T09:03:15Z",
  },
  vault: { source: "key-file", strength: "weak" },
  certificates: [{ purpose: "client", serial: "0a", notAfter: "2026-11-23T10:03:15Z" }],
  renewal: { made: 3, number: "4", nextAt: "2026-11-22T22:03:15Z", underWay: false },
  settings: { hash: "ab", seq: "2", epoch: 1, values: { heartbeatSeconds: 10, labels: {} } },
  forwards: [
    {
      name: "db",
      listen: "127.0.0.1:5432",
      listening: true,
      open: 2,
      total: 9,
      refused: 1,
      cut: 3,
      sentBytes: 100,
      receivedBytes: 2000,
    },
  ],
  services: [
    {
      name: "ssh",
      to: "127.0.0.1:22",
      reachable: true,
      open: 1,
      total: 4,
      refused: 2,
      cut: 0,
      sentBytes: 7,
      receivedBytes: 9,
    },
  ],
  errors: [{ at: "2026-11-22T09:00:00Z", code: "link.broken", text: "It broke." }],
};

test("a running agent's page answers: who, connected how, sealed by what, ending when, told what", () => {
  const page = renderPage(statusLines(STATUS, TEST_NOW_MS), plain);
  for (const line of [
    /^connected +yes$/m,
    /^last answer +2026-11-22T10:03:00Z \(15s ago\)$/m,
    /^central offers +version 0\.2\.0 with tls, mtls$/m,
    /^link +mtls, TLSv1\.3, TLS_AES_256_GCM_SHA384, X25519MLKEM768, since 2026-11-22T09:03:15Z$/m,
    /^level +mtls, proven before: mtls$/m,
    /^vault +key-file, weak$/m,
    /^client certificate +ends 2026-11-23T10:03:15Z \(in 1d\), serial 0a$/m,
    /^renewals +3 made, next 2026-11-22T22:03:15Z \(in 12h\)$/m,
    /^settings +by instruction 1\/2\n +heartbeatSeconds = 10$/m,
    /^forward +db at 127\.0\.0\.1:5432: 2 open of 9, 1 refused, 3 cut, 100 bytes sent, 2000 received$/m,
    /^service +ssh at 127\.0\.0\.1:22: 1 open of 4, 2 refused, 0 cut, 7 bytes sent, 9 received$/m,
    /^error +2026-11-22T09:00:00Z link\.broken: It broke\.$/m,
  ]) {
    assert.match(page, line);
  }
});

test("a forward that central has set says so", () => {
  const forwards = [{ ...STATUS.forwards[0], origin: "central" }];
  const page = renderPage(statusLines({ ...STATUS, forwards }, TEST_NOW_MS), plain);
  assert.match(page, /^forward +db at 127\.0\.0\.1:5432, set by central: 2 open of 9, /m);
});

test("an agent that does not run shows what its folder knows, and no more", () => {
  const asleep = {
    ...STATUS,
    running: false,
    link: null,
    vault: null,
    renewal: null,
    settings: null,
    central: { addresses: [], connected: false, lastAnswerAt: null },
    forwards: [{ ...STATUS.forwards[0], listening: false }],
  };
  const page = renderPage(statusLines(asleep, TEST_NOW_MS), plain);
  assert.match(page, /^running +no$/m);
  assert.match(page, /^last answer +never$/m);
  assert.match(page, /^link +none$/m);
  assert.match(page, /^settings +defaults; no instruction yet$/m);
  assert.match(page, /^forward +db does not listen at 127\.0\.0\.1:5432: /m);
  assert.doesNotMatch(page, /^vault/m);
});

test("an agent without an identity shows its level and key, and that central offers it one", () => {
  const offer = {
    addresses: ["c:9150"],
    pins: [Buffer.alloc(32, 0xab).toString("base64url")],
    trustDomain: "fleet.test",
    at: "2026-11-22T10:00:00Z",
  };
  const legacy = {
    ...STATUS,
    state: "unproven",
    namespace: null,
    level: "basic",
    key: "legacy#2",
    provenLevel: "basic",
    promotion: offer,
  };
  const page = renderPage(statusLines(legacy, TEST_NOW_MS), plain);
  assert.match(page, /^state +unproven$/m);
  assert.doesNotMatch(page, /^(settings|audit trail)/m);
  assert.match(page, /^level +basic, key legacy#2, proven before: basic$/m);
  const byFiles = renderPage(statusLines({ ...legacy, level: "mtls" }, TEST_NOW_MS), plain);
  assert.match(byFiles, /^level +mtls, proven before: basic$/m);
  assert.match(
    page,
    /^promotion +central offers this agent an identity: ask for a join token and run 'tautline agent join'\n +fleet\.test at c:9150, since .*\n +root pin (?:ab){32}: compare it with 'tautline status' at central$/m,
  );
});

function pageOf(change: object): string {
  return renderPage(statusLines({ ...STATUS, level: "mtls", ...change }, TEST_NOW_MS), plain);
}

test("a level that is not that of the settings file says how it came to be, and one that is ordered is shown beside it", () => {
  const ordered = pageOf({ climbed: { level: "mtls", by: "instruction" } });
  assert.match(ordered, /^level +mtls, climbed to mtls by instruction, proven before: mtls$/m);
  const rescued = pageOf({ climbed: { level: "mtls", by: "rescue" } });
  assert.match(rescued, /^level +mtls, climbed to mtls by itself, as it was not heard below/m);
  const pending = pageOf({ level: "basic", provenLevel: null, orderedLevel: "tls" });
  assert.match(pending, /^level +basic(?:, key [^,]+)?, ordered: tls$/m);
});

test("the edge's page answers: where in, where to, what is kept, what was lost of whom and why", () => {
  const page = pageOf({
    edge: {
      listen: "127.0.0.1:11800",
      listening: true,
      connections: 1,
      calls: 12,
      failed: 2,
      sentBytes: 900,
      receivedBytes: 60,
      kept: 5,
      delivered: 3,
      onward: [{ name: "central", state: "out", error: "No answer. Wait." }],
      store: {
        calls: 2,
        bytes: 700,
        losses: [{ client: "grpc-node-js/1.14.7", reason: "full", calls: 4 }],
      },
    },
  });
  for (const line of [
    /^edge +at 127\.0\.0\.1:11800: 1 connections, 12 calls, 2 failed, 900 bytes sent, 60 received$/m,
    /^edge to +central out: No answer\. Wait\.$/m,
    /^edge keeps +2 calls in 700 bytes; 5 were kept since the start, 3 delivered$/m,
    /^edge lost +4 calls of grpc-node-js\/1\.14\.7: there was no room/m,
  ]) {
    assert.match(page, line);
  }
  assert.doesNotMatch(pageOf({}), /^edge/m);
});

const errorAt = (minute: number, code: string) => ({
  at: `2026-11-22T10:0${minute}:00Z`,
  code,
  text: "No answer.",
});

test("plaintext has no group, and says what it lacks; the same error in a row is told once", () => {
  const page = renderPage(
    statusLines(
      {
        ...STATUS,
        link: { level: "plaintext", protocol: null, cipher: null, group: null, since: 0 },
        errors: [
          errorAt(1, "link.a"),
          errorAt(2, "link.b"),
          errorAt(3, "link.b"),
          errorAt(4, "link.a"),
        ],
      },
      TEST_NOW_MS,
    ),
    plain,
  );
  assert.match(page, /^link +plaintext, not encrypted, nobody proven, since /m);
  assert.deepEqual(
    page
      .split("\n")
      .filter((line) => line.startsWith("error"))
      .map((line) => line.split(/ {2,}/)[1]),
    [
      "2026-11-22T10:01:00Z link.a: No answer.",
      "2026-11-22T10:03:00Z link.b: No answer. (the last of 2 in a row)",
      "2026-11-22T10:04:00Z link.a: No answer.",
    ],
  );
});

const failedAt = (minute: number, place: string, remedy: string) => ({
  ...errorAt(minute, "link.unreachable"),
  text: `No answer from ${place}.`,
  remedy,
});

test("what to do about an error is said under it, once where several addresses fail alike", () => {
  const errors = [
    failedAt(1, "a:1", "Check the firewall."),
    failedAt(2, "b:1", "Check the firewall."),
    failedAt(3, "c:1", "Look up the name."),
  ];
  const page = renderPage(statusLines({ ...STATUS, errors }, TEST_NOW_MS), plain);
  const shown = page.split("\n").filter((line) => /^(error|what to do) /.test(line));
  assert.deepEqual(
    shown.map((line) => line.split(/ {2,}/)[1]?.replace(/^\S+Z link\.unreachable: /, "")),
    [
      "No answer from a:1.",
      "No answer from b:1.",
      "Check the firewall.",
      "No answer from c:1.",
      "Look up the name.",
    ],
  );
});

test("a host that has not joined is told how to", () =>
  withTempFolder(async (cwd) => {
    const { code, stdout, stderr } = await runLine(`agent status --data ${cwd}`, cwd);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /agent\.not_joined: .*\n.*tautline agent join TOKEN/);
  }));
