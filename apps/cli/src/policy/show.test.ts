import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { type Answers, type CommandResult, runLine, withFakeCentral } from "../test-world.ts";

const AGENT = "0197d3b1-7c00-7abc-8def-0123456789ab";

const row = {
  namespace: "default",
  kind: "control",
  accept: ["tls", "mtls"],
  clientProof: "require",
  postQuantum: "prefer",
  loopback: "keep",
  heard: ["mtls"],
  changedAt: "2026-11-22T09:03:15Z",
  changedBy: "operator:ana",
  exceptions: [],
};
const exception = {
  agent: AGENT,
  kind: "control",
  level: "basic",
  reason: "it did not come back",
  change: null,
  since: "2026-11-22T09:10:00Z",
};
const REOPENINGS = "GET /api/v1/policy/reopenings";
const reopening = {
  id: 3,
  from: ["192.0.2.0/24", "2001:db8:7::/48"],
  until: "2026-11-22T12:03:15Z",
  endedAt: null,
};

const unset = { ...row, kind: "forward", heard: [], changedAt: null, changedBy: null };

interface Asked extends CommandResult {
  readonly paths: readonly string[];
}

function ask(line: string, answers: Answers): Promise<Asked> {
  return withTempFolder((folder) =>
    withFakeCentral(folder, answers, async (seen) => ({
      ...(await runLine(`${line} --data ${folder}`, folder)),
      paths: seen.map(({ line: asked }) => asked),
    })),
  );
}

describe("policy show", () => {
  it("shows what is asked of each kind of link, what of it is heard, and that nobody set it", async () => {
    const ended = { ...reopening, id: 2, endedAt: "2026-11-22T09:03:15Z" };
    const answers = {
      "GET /api/v1/policy": { body: { items: [row, unset] } },
      [REOPENINGS]: { body: { items: [ended] } },
    };
    const { code, stdout } = await ask("policy show", answers);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^default +control +tls, mtls +mtls +require +prefer +keep +operator:ana$/m,
    );
    assert.match(stdout, /^default +forward +tls, mtls +none +require +prefer +keep +nobody$/m);
    assert.doesNotMatch(stdout, /EXCEPTED|re-opened/);
  });

  it("names who is excepted, at which level and why", async () => {
    const items = [{ ...row, exceptions: [exception] }, unset];
    const answers = {
      "GET /api/v1/policy": { body: { items } },
      [REOPENINGS]: { status: 403, body: { code: "api.forbidden" } },
    };
    const { stdout } = await ask("policy show", answers);
    assert.match(stdout, new RegExp(`\n\nEXCEPTED AGENT +KIND +LEVEL +SINCE +REASON\n${AGENT}`));
    assert.match(stdout, /control +basic +2026-11-22T09:10:00Z.* it did not come back$/m);
  });

  it("A25: names where plaintext is re-opened, until when, and that it is no exception", async () => {
    const answers = {
      "GET /api/v1/policy": { body: { items: [row] } },
      [REOPENINGS]: { body: { items: [reopening] } },
    };
    const { stdout } = await ask("policy show", answers);
    assert.match(
      stdout,
      /^Plaintext is re-opened to 192\.0\.2\.0\/24, 2001:db8:7::\/48 until 2026-11-22T12:03:15Z \(in 2h\), .* \(re-opening 3\)\. It is no exception to any policy\.$/m,
    );
  });

  it("asks for one namespace where it is told to, and gives its answer as it came", async () => {
    const answers = { "GET /api/v1/policy?namespace=lab": { body: { items: [row] } } };
    const { stdout, paths } = await ask("policy show --namespace lab --json", answers);
    assert.deepEqual(JSON.parse(stdout), { items: [row] });
    assert.deepEqual(paths, ["GET /api/v1/policy?namespace=lab"]);
  });
});
