import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import {
  decodeAuditHead,
  decodeForkReport,
  encodeCheckpointNews,
  parseAuditCheckpoint,
  type CustomMessage,
  type TautlineError,
} from "@tautline/protocol";
import {
  createFakeClock,
  createTestAuthority,
  createTestTrail,
  type FakeClock,
  type TestTrail,
  withTempFolder,
} from "@tautline/testing";
import type { AuditBody } from "../instructions/local-audit.ts";
import { openAuditWatch, type AuditWatch } from "./audit-watch.ts";
import { MAX_FORKS } from "./head-memory.ts";

const authority = createTestAuthority();
const begun = createTestTrail({ authority }).grow(2).sign();
const trail = begun.copy().grow(2).sign().grow(2).sign().grow(2).sign();
const other = begun.copy().grow(9, "token:other").sign();
const MINUTE_MS = 60_000;

interface Ground {
  readonly file: string;
  readonly clock: FakeClock;
  readonly said: CustomMessage[];
  readonly problems: TautlineError[];
  readonly audited: [event: string, body: AuditBody][];
  readonly open: () => AuditWatch;
}

const withGround = (use: (ground: Ground) => void): Promise<void> =>
  withTempFolder(async (folder) => {
    const clock = createFakeClock();
    const file = join(folder, "audit-head.json");
    const ground = { file, clock, said: [], problems: [], audited: [] } as Omit<Ground, "open">;
    use({
      ...ground,
      open: () =>
        openAuditWatch({
          file,
          now: clock.now,
          trust: () => ({
            roots: [new X509Certificate(authority.rootPem)],
            trustDomain: "fleet.test",
          }),
          audit: {
            finding: undefined,
            append: (...entry) => void ground.audited.push(entry),
            close: () => {},
          },
          say: (message) => void ground.said.push(message),
          onProblem: (error) => void ground.problems.push(error),
        }),
    });
  });

function show(watch: AuditWatch, of: TestTrail, number: number, from = number): void {
  const newest = of.checkpoints[number - 1] ?? assert.fail();
  const earlier = of.checkpoints.slice(from - 1, number - 1).map(({ body }) => body);
  watch.receive(encodeCheckpointNews({ earlier, newest }));
}

const numberOf = ({ memory }: AuditWatch): number | undefined => memory.head?.checkpoint.number;

describe("what an agent remembers of central's trail", () => {
  test("is on the disk with mode 0600 and there again after a restart; nothing is said while all is well", () =>
    withGround(({ open, file, said, problems }) => {
      show(open(), trail, 1);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(numberOf(open()), 1);
      assert.deepEqual([said, problems], [[], []]);
    }));

  test("is not written more than once a minute, and at the end", () =>
    withGround(({ open, file, clock }) => {
      const watch = open();
      show(watch, trail, 1);
      const first = readFileSync(file, "utf8");
      show(watch, trail, 2);
      show(watch, trail, 2);
      assert.equal(readFileSync(file, "utf8"), first);
      clock.advance(MINUTE_MS);
      show(watch, trail, 3);
      assert.equal(numberOf(open()), 3);
      show(watch, trail, 4);
      watch.close();
      assert.equal(numberOf(open()), 4);
      const last = statSync(file).ino;
      watch.close();
      assert.equal(statSync(file).ino, last, "nothing new is written twice");
    }));

  test("A26: an older one is a fork: kept as evidence, audited, reported, and told again after a restart", () =>
    withGround(({ open, said, problems, audited }) => {
      const watch = open();
      show(watch, trail, 1);
      show(watch, trail, 4, 2);
      show(watch, trail, 2);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["audit.fork"],
      );
      assert.match(problems[0]?.message ?? "", /it is older/);
      assert.deepEqual(
        audited.map(([event]) => event),
        ["audit.fork"],
      );
      const [report] = said;
      assert.equal(report?.type, "fork");
      const { seen, shown } = decodeForkReport(report?.data ?? new Uint8Array());
      assert.deepEqual(
        [seen, shown].map(({ body }) => parseAuditCheckpoint(body).number),
        [4, 2],
      );
      const again = open();
      assert.deepEqual([again.memory.forks.length, numberOf(again)], [1, 2]);
      again.reportForks();
      assert.deepEqual(
        said.map(({ type }) => type),
        ["fork", "fork"],
      );
      show(again, trail, 2);
      assert.equal(again.memory.forks.length, 1, "the same is no fork again");
    }));

  test("A26: a rewritten trail is a fork, and the next one is found as well", () =>
    withGround(({ open, problems }) => {
      const watch = open();
      show(watch, trail, 2);
      show(watch, other, 2);
      show(watch, trail, 2);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["audit.fork", "audit.fork"],
      );
      assert.match(problems[0]?.message ?? "", /another one/);
    }));

  test("what lies between is asked for once a minute; after the third time in vain it is a fork", () =>
    withGround(({ open, said, problems, clock }) => {
      const watch = open();
      show(watch, trail, 1);
      for (let turn = 1; turn <= 3; turn += 1) {
        show(watch, trail, 4);
        show(watch, trail, 4);
        assert.equal(said.length, turn);
        clock.advance(MINUTE_MS);
      }
      const asked = decodeAuditHead(said[0]?.data ?? new Uint8Array());
      assert.equal(parseAuditCheckpoint(asked.body).number, 1);
      assert.equal(problems.length, 0);
      show(watch, trail, 4);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["audit.fork"],
      );
    }));

  test("an answer that shows what lies between settles it", () =>
    withGround(({ open, said, problems }) => {
      const watch = open();
      show(watch, trail, 1);
      show(watch, trail, 4);
      show(watch, trail, 4, 2);
      assert.deepEqual([numberOf(watch), said.length, problems.length], [4, 1, 0]);
    }));

  test("A9: what no root of this agent certified changes nothing", () =>
    withGround(({ open, problems, file }) => {
      const watch = open();
      show(watch, createTestTrail().grow(1).sign(), 1);
      watch.receive(new Uint8Array([1, 2, 3]));
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["audit.checkpoint_unproven", "audit.checkpoint_malformed"],
      );
      assert.deepEqual([watch.memory.head, existsSync(file)], [undefined, false]);
    }));

  test("F12: a file with a changed byte is set aside and named; it is never taken for what was seen", () =>
    withGround(({ open, file, problems }) => {
      show(open(), trail, 1);
      const text = readFileSync(file, "utf8");
      for (const damage of [text.replace("seq 2", "seq 3"), "{", text.slice(0, 40), "[]"]) {
        writeFileSync(file, damage, { mode: 0o600 });
        assert.equal(numberOf(open()), undefined);
        assert.equal(existsSync(file), false);
      }
      assert.deepEqual(new Set(problems.map(({ code }) => code)), new Set(["audit.head_damaged"]));
      assert.ok(readdirSync(join(file, "..")).some((name) => name.includes(".damaged-")));
    }));

  test("F11: where the file cannot be written, a fork is told all the same, and the disk's refusal too", () =>
    withGround(({ open, file, said, problems }) => {
      const watch = open();
      show(watch, trail, 2);
      rmSync(dirname(file), { recursive: true });
      show(watch, trail, 1);
      assert.deepEqual(
        said.map(({ type }) => type),
        ["fork"],
      );
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["audit.fork", "vault.file_failed"],
      );
      assert.equal(watch.memory.forks.length, 1);
      mkdirSync(dirname(file), { mode: 0o700 });
      watch.close();
      assert.equal(open().memory.forks.length, 1);
    }));

  test("promise 5: a central that forks on and on fills neither the file nor the log of audits", () =>
    withGround(({ open, audited, said }) => {
      const watch = open();
      show(watch, trail, 2);
      for (let turn = 0; turn < 4 * MAX_FORKS; turn += 1) {
        show(watch, turn % 2 === 0 ? other : trail, 2);
      }
      watch.close();
      assert.equal(open().memory.forks.length, MAX_FORKS);
      assert.deepEqual([audited.length, said.length], [MAX_FORKS, MAX_FORKS]);
    }));
});
