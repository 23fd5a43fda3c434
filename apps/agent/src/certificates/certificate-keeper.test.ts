import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { certificatesFromPem, readCsr, serialOf } from "@tautline/pki";
import {
  type CustomMessage,
  decodeFileCertificateRequest,
  encodeFileCertificateAnswer,
  type TautlineError,
} from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { createManualClock, type ManualClock } from "../../test/manual-clock.ts";
import { createProgramAuthority } from "../../test/program-authority.ts";
import { type CertificateKeeper, createCertificateKeeper } from "./certificate-keeper.ts";
import type { CertificateSettings } from "./certificate-settings.ts";

const HOUR_MS = 3_600_000;
const central = createProgramAuthority();

interface Scene {
  readonly folder: string;
  readonly clock: ManualClock;
  readonly keeper: CertificateKeeper;
  readonly said: CustomMessage[];
  readonly problems: TautlineError[];
  readonly audited: string[];
  /** Gives what was asked for last. */
  readonly give: (lifeMs?: number) => void;
  /** The serial in the folder; undefined where there is none. */
  readonly serial: () => string | undefined;
  /** Another agent on the same folder, later. */
  readonly again: () => Scene;
}

function sceneIn(folder: string, part: Partial<CertificateSettings>, clock: ManualClock): Scene {
  const said: CustomMessage[] = [];
  const problems: TautlineError[] = [];
  const audited: string[] = [];
  const web: CertificateSettings = {
    folder: join(folder, "tls"),
    names: ["web.example.org"],
    use: "server",
    files: {},
    keyMode: "0600",
    ...part,
  };
  const keeper = createCertificateKeeper({
    certificates: { web },
    audit: {
      finding: undefined,
      append: (event, { serial = "" }) => void audited.push(`${event} ${String(serial)}`.trim()),
      close: () => {},
    },
    clock,
    hostNow: clock.now,
    random: () => 0.5,
    rootsPem: () => central.rootsPem,
    say: (message) => void said.push(message),
    onProblem: (error) => void problems.push(error),
  });
  const cert = join(web.folder, "server.crt");
  return {
    folder: web.folder,
    clock,
    keeper,
    said,
    problems,
    audited,
    give: (lifeMs = HOUR_MS) => {
      const asked = said.at(-1);
      assert.ok(asked);
      keeper.receive(central.answer(asked, clock.now(), lifeMs));
    },
    serial: () => {
      if (!existsSync(cert)) return undefined;
      const [leaf] = certificatesFromPem(readFileSync(cert, "utf8"));
      return leaf && serialOf(leaf);
    },
    again: () => sceneIn(folder, part, clock),
  };
}

function withScene(
  use: (scene: Scene) => Promise<void> | void,
  part: Partial<CertificateSettings> = {},
): Promise<void> {
  return withTempFolder(async (folder) => {
    const scene = sceneIn(folder, part, createManualClock());
    try {
      await use(scene);
    } finally {
      scene.keeper.stop();
    }
  });
}

/** The key that a request asks a certificate for; signatures of one request are other ones each time. */
const keyOf = ({ data }: CustomMessage): string =>
  readCsr(decodeFileCertificateRequest(data).csrPem, { agentId: "" }).pin.toString("hex");

const refusal = (): Uint8Array =>
  encodeFileCertificateAnswer({
    label: "web",
    chainPem: "",
    code: "certificate.name_not_allowed",
    text: "It is not allowed.",
  });

describe("the keeper of programs' certificates", () => {
  it("asks when central has answered, and writes, audits and shows what it gets", () =>
    withScene(({ keeper, said, give, serial, audited, problems, clock, folder }) => {
      assert.equal(said.length, 0);
      keeper.start();
      keeper.start();
      assert.equal(said.length, 1);
      give();
      assert.deepEqual(audited, [`certificate.kept ${serial()}`]);
      const notAfter = new Date(clock.now() + HOUR_MS).toISOString();
      const nextAt = new Date(clock.now() + HOUR_MS / 2).toISOString();
      const what = { name: "web", folder, names: ["web.example.org"], use: "server" };
      assert.deepEqual(keeper.status, [
        { ...what, serial: serial() ?? "", notAfter, nextAt, problem: null },
      ]);
      assert.deepEqual(problems, []);
    }));

  it("SWP-2: renews at half of the life with another key, and the old one is there until then", () =>
    withScene(({ keeper, said, give, serial, clock }) => {
      keeper.start();
      give();
      const first = serial();
      clock.advance(HOUR_MS / 2 - 1);
      assert.equal(said.length, 1);
      clock.advance(1);
      assert.equal(said.length, 2);
      assert.equal(new Set(said.map(keyOf)).size, 2);
      assert.equal(serial(), first);
      give();
      assert.notEqual(serial(), first);
    }));

  it("F3: asks again for the same key where no answer comes, and says so", () =>
    withScene(({ keeper, said, problems, clock, give, serial }) => {
      keeper.start();
      clock.advance(60_000);
      assert.ok(said.length > 2, String(said.length));
      assert.equal(new Set(said.map(keyOf)).size, 1);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["agent.certificate_unfit"],
      );
      give();
      assert.ok(serial());
      assert.equal(keeper.status[0]?.problem, null);
    }));

  it("names a refusal once, keeps what is there, and asks again later", () =>
    withScene(({ keeper, said, problems, give, serial, clock, audited }) => {
      keeper.start();
      give();
      const first = serial();
      clock.advance(HOUR_MS / 2);
      keeper.receive(refusal());
      clock.advance(60_000);
      assert.ok(said.length > 2);
      keeper.receive(refusal());
      assert.deepEqual(
        problems.map(({ code, detail }) => [code, detail["code"]]),
        [["agent.certificate_refused", "certificate.name_not_allowed"]],
      );
      assert.equal(keeper.status[0]?.problem?.code, "agent.certificate_refused");
      assert.equal(serial(), first);
      assert.deepEqual(audited.slice(1), ["certificate.failed"]);
      give();
      assert.notEqual(serial(), first);
    }));

  it("A4, A10: takes nothing that it did not ask for, or that is not what it asked for", () =>
    withScene(({ keeper, said, problems, serial, clock }) => {
      keeper.receive(refusal());
      keeper.start();
      const [asked] = said;
      assert.ok(asked);
      const stranger = createProgramAuthority();
      keeper.receive(stranger.answer(asked, clock.now(), HOUR_MS));
      const other = { label: "other", chainPem: "a", code: "", text: "" };
      keeper.receive(encodeFileCertificateAnswer(other));
      keeper.receive(Uint8Array.of(255));
      assert.deepEqual(
        problems.map(({ code }) => code),
        [
          "agent.certificate_unfit",
          "agent.certificate_unfit",
          "agent.certificate_unfit",
          "certificate.message_malformed",
        ],
      );
      assert.equal(serial(), undefined);
      // The key that a stranger certified is used no more.
      clock.advance(5_000);
      assert.equal(new Set(said.map(keyOf)).size, 2);
    }));

  it("goes on after a restart with what is in the folder, and asks where that is not what is set", () =>
    withScene((before) => {
      before.keeper.start();
      before.give();
      const after = before.again();
      after.keeper.start();
      assert.equal(after.said.length, 0);
      assert.equal(after.keeper.status[0]?.serial, before.serial());
      after.keeper.stop();
      const renamed = sceneIn(
        join(before.folder, ".."),
        { names: ["a.example.org"] },
        before.clock,
      );
      renamed.keeper.start();
      assert.equal(renamed.said.length, 1);
      renamed.keeper.stop();
    }));

  it("says what it cannot write, and tries again with the same key", () =>
    withScene(
      ({ keeper, said, give, problems, clock }) => {
        keeper.start();
        give();
        assert.deepEqual(
          problems.map(({ code }) => code),
          ["certificate.file_unwritable"],
        );
        clock.advance(5_000);
        assert.ok(said.length > 1);
        assert.equal(new Set(said.map(keyOf)).size, 1);
      },
      { folder: "/proc/no/such/folder" },
    ));

  it("does nothing any more when it was stopped", () =>
    withScene(({ keeper, said, give, clock }) => {
      keeper.start();
      give();
      keeper.stop();
      clock.advance(HOUR_MS);
      keeper.start();
      assert.equal(said.length, 1);
    }));
});
