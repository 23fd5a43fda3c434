import assert from "node:assert/strict";
import { createServer, connect, type Socket } from "node:net";
import { once } from "node:events";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { formatOperatorToken } from "@tautline/protocol";
import { createFakeClock } from "@tautline/testing";
import type { AuditEvent } from "../audit/audit-event.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { createConsoleGate, type ConsoleGate } from "./console-gate.ts";
import { LOGIN_LIMITS } from "./login-guard.ts";
import type { Proof } from "./operator-store.ts";

const SECRET = new Uint8Array(32);
const tokenOf = (digit: string): string =>
  `Bearer ${formatOperatorToken({ id: digit.repeat(16), secret: SECRET })}`;
const principal = { name: "ana", role: "viewer", namespace: "" } as const;

/** The id says what the token is: 0 good, 1 was good once, anything else unknown. */
const PROOFS: Readonly<Record<string, Proof>> = {
  "0": { ok: true, principal },
  "1": { ok: false, known: principal },
};

interface Equipment {
  readonly gate: ConsoleGate;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly audited: readonly AuditEvent[];
  readonly lines: readonly string[];
}

function equip(): Equipment {
  const clock = createFakeClock();
  const audited: AuditEvent[] = [];
  const lines: string[] = [];
  const gate = createConsoleGate({
    operators: { prove: ({ id }) => PROOFS[id.slice(0, 1)] ?? { ok: false, known: undefined } },
    audit: {
      append: async () => undefined,
      record: async (event) => void audited.push(event),
      list: async () => [],
      watch: () => () => undefined,
    },
    log: createLog("central", "debug", { write: (line: string) => void lines.push(line) }),
    now: clock.now,
  });
  return { gate, clock, audited, lines };
}

/** Gives `use` both ends of a real connection. */
async function withSocket(
  use: (accepted: Socket, dialled: Socket) => Promise<void>,
): Promise<void> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const dialled = connect(address.port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  accepted.on("error", () => undefined);
  try {
    await use(accepted, dialled);
  } finally {
    dialled.destroy();
    accepted.destroy();
    server.close();
  }
}

describe("the gate of the console", () => {
  const REFUSED: readonly (readonly [string, string | undefined, string])[] = [
    ["nothing", undefined, "api.login_required"],
    ["an unknown token", tokenOf("f"), "api.login_failed"],
    ["an ended token", tokenOf("1"), "api.login_failed"],
    ["an empty text", "", "api.login_required"],
    ["a password", "Basic YW5hOmFuYQ==", "api.login_required"],
    ["A7: a join token's credential", `Bearer 0000.${"A".repeat(43)}`, "api.login_required"],
    ["a good token twice", `${tokenOf("0")}, ${tokenOf("0")}`, "api.login_required"],
    ["a good token without its scheme", tokenOf("0").slice(7), "api.login_required"],
    ["a good token and more", `${tokenOf("0")} x`, "api.login_required"],
    ["10,000 characters", `Bearer ${"A".repeat(10_000)}`, "api.login_required"],
  ];
  for (const [what, authorization, code] of REFUSED) {
    it(`refuses ${what} with ${code}`, () =>
      withSocket(async (socket) => {
        const { gate } = equip();
        const error = await refusalOf(() => gate.admit({ authorization, socket }));
        assert.equal(error.code, code);
        assert.equal(error.status, 401);
      }));
  }

  it("knows an operator by its token, however the scheme's name is spelt (RFC 9110)", () =>
    withSocket(async (socket) => {
      const { gate } = equip();
      for (const scheme of ["Bearer", "bearer", "BEARER"]) {
        const authorization = tokenOf("0").replace("Bearer", scheme);
        assert.deepEqual(gate.admit({ authorization, socket }), principal);
      }
    }));

  it("RS-30: after ten failures says when to come back, and looks again then", () =>
    withSocket(async (socket) => {
      const { gate, clock } = equip();
      const wrong = { authorization: tokenOf("f"), socket };
      for (let time = 0; time < LOGIN_LIMITS.perSource; time += 1) {
        await refusalOf(() => gate.admit(wrong), "api.login_failed");
      }
      const error = await refusalOf(() => gate.admit(wrong), "api.login_limited");
      assert.deepEqual([error.status, error.detail["retryAfterSeconds"]], [429, 60]);
      await refusalOf(
        () => gate.admit({ authorization: tokenOf("0"), socket }),
        "api.login_limited",
      );
      clock.advance(LOGIN_LIMITS.windowMs);
      assert.deepEqual(gate.admit({ authorization: tokenOf("0"), socket }), principal);
    }));

  it("what is no operator's token is no failed login: health checks lock nobody out", () =>
    withSocket(async (socket) => {
      const { gate } = equip();
      for (let time = 0; time < 100; time += 1) {
        await refusalOf(
          () => gate.admit({ authorization: undefined, socket }),
          "api.login_required",
        );
        const authorization = "Bearer admin";
        await refusalOf(() => gate.admit({ authorization, socket }), "api.login_required");
      }
      assert.deepEqual(gate.admit({ authorization: tokenOf("0"), socket }), principal);
    }));

  it("A5: a disabled operator's connections are closed, those of others stay", () =>
    withSocket(async (socket, dialled) =>
      withSocket(async (other) => {
        const { gate } = equip();
        gate.admit({ authorization: tokenOf("0"), socket });
        gate.admit({ authorization: tokenOf("0"), socket });
        await refusalOf(() => gate.admit({ authorization: tokenOf("f"), socket: other }));
        const closed = once(dialled, "close");
        dialled.resume();
        gate.endOperator("ben");
        assert.equal(socket.destroyed, false);
        gate.endOperator("ana");
        await closed;
        assert.deepEqual([socket.destroyed, other.destroyed], [true, false]);
      }),
    ));

  it("A20: strangers reach the log a little and the trail never; ended tokens reach the trail once a minute", () =>
    withSocket(async (socket) => {
      const { gate, clock, audited, lines } = equip();
      for (let minute = 0; minute < 2; minute += 1) {
        for (let time = 0; time < 50; time += 1) {
          await refusalOf(() => gate.admit({ authorization: tokenOf("f"), socket }));
        }
        clock.advance(LOGIN_LIMITS.windowMs);
      }
      assert.deepEqual(audited, []);
      assert.equal(lines.length, 2 * LOGIN_LIMITS.perSource);
      for (let time = 0; time < 5; time += 1) {
        await refusalOf(() => gate.admit({ authorization: tokenOf("1"), socket }));
      }
      assert.deepEqual(
        audited.map(({ action, actor }) => [action, actor]),
        [["operator.refused", "operator:ana"]],
      );
      assert.equal(lines.join("").includes("tautline-op."), false);
    }));
});
