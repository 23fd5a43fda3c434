import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { launchProcess } from "@tautline/testing";
import {
  dialTcp,
  type EveryLevel,
  goodAgent,
  helloOf,
  readPage,
  refusals,
  untilClosed,
  whileTalking,
  withEveryLevel,
  withKey,
} from "./every-level.ts";
import { until } from "../until.ts";

const FLOOD = fileURLToPath(new URL("flood.ts", import.meta.url));
const DIALS_AT_EACH = 400;
const STALLED = 100;

/** Dials at a level, from a process of its own; tells how many came in. */
async function flood(
  { agentsPort, plaintextPort, sharedKey }: EveryLevel,
  level: string,
): Promise<number> {
  const port = level === "plaintext" ? plaintextPort : agentsPort;
  const order = [level, String(port), sharedKey.toString("hex"), String(DIALS_AT_EACH)];
  await using child = launchProcess({ command: process.execPath, args: [FLOOD, ...order] });
  assert.equal((await child.exited).code, 0, child.stderr);
  return (JSON.parse(child.stdout) as { isIn: number }).isIn;
}

async function waitingFor(central: EveryLevel, queue: string): Promise<number> {
  const line = new RegExp(`^tautline_queue_waiting\\{queue="${queue}"\\} (\\d+)$`, "m");
  return Number(line.exec(await readPage(central, "/metrics"))?.[1]);
}

const FLOODS = ["plaintext", "basic", "advanced", "tls"] as const;

describe("F14: a flood of handshakes", () => {
  it("at every level at once loses no message of agents at any level, and lets them in meanwhile", () =>
    withEveryLevel(async (central) => {
      await using plaintext = await goodAgent(central, "plaintext");
      await using basic = await goodAgent(central, "basic");
      await using advanced = await goodAgent(central, "advanced");
      await using mtls = await goodAgent(central, "mtls");
      await whileTalking([plaintext, basic, advanced, mtls], async () => {
        const floods = FLOODS.map((level) => flood(central, level));
        for (const level of ["plaintext", "basic", "advanced", "mtls"] as const) {
          await using late = await goodAgent(central, level);
          await late.say();
        }
        const [clear, byKey, byPsk, byTls] = await Promise.all(floods);
        for (const isIn of [clear, byPsk, byTls]) assert.equal(isIn, DIALS_AT_EACH);
        const wrong = await refusals(central, "link.key_unproven");
        assert.equal((byKey ?? 0) + wrong, DIALS_AT_EACH);
      });
    }));

  it("that goes silent at one level fills that level's gate and no other", () =>
    withEveryLevel(
      async (central) => {
        const hello = await helloOf(withKey(central.sharedKey));
        const stalled = Array.from({ length: STALLED }, async () => {
          const socket = await dialTcp(central.agentsPort);
          socket.write(hello);
          await untilClosed(socket);
        });
        const queue = "handshakes-advanced";
        await until(async () => ((await waitingFor(central, queue)) > 0 ? true : undefined));
        for (const level of ["mtls", "basic", "plaintext"] as const) {
          await using agent = await goodAgent(central, level);
          await agent.say();
        }
        // They did not wait until it was over.
        assert.ok((await waitingFor(central, queue)) > 0);
        await Promise.all(stalled);
        await using after = await goodAgent(central, "advanced");
        await after.say();
      },
      { handshakeTimeout: "4s", admission: "  handshakesAtOnce: 1" },
    ));
});

describe("F14: TLS 1.2 renegotiation", () => {
  it("is refused, and central lives on", () =>
    withEveryLevel(async (central) => {
      await using basic = await goodAgent(central, "basic");
      const to = ["-connect", `127.0.0.1:${central.agentsPort}`, "-tls1_2"];
      const key = ["-psk_identity", "legacy", "-psk", central.sharedKey.toString("hex")];
      const suite = ["-cipher", "DHE-PSK-AES256-GCM-SHA384"];
      const client = spawn("openssl", ["s_client", ...to, ...key, ...suite]);
      let said = "";
      for (const stream of [client.stdout, client.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => (said += text));
      }
      client.stdin.on("error", () => {});
      const ended = once(client, "close");
      try {
        await until(async () => (said.includes("Verify return code") ? true : undefined));
        client.stdin.write("R\n");
        await ended;
      } finally {
        client.kill("SIGKILL");
      }
      assert.match(said, /Cipher is DHE-PSK-AES256-GCM-SHA384/);
      assert.match(said, /RENEGOTIATING[^]*no renegotiation/);
      await basic.say();
      await using advanced = await goodAgent(central, "advanced");
      await advanced.say();
    }));
});
