import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { decodeJoinToken, formatTokenCredential } from "@tautline/protocol";
import { launchProcess, launchTautline, type LaunchedProcess } from "@tautline/testing";
import { type Items, type ListedLink } from "../running-central.ts";
import {
  type Between,
  type Kind,
  OPENING,
  passing,
  replacing,
  standBetween,
  TO_ANY,
  TO_TLS,
} from "./between.ts";
import {
  dialTcp,
  type EveryLevel,
  refusals,
  untilClosed,
  untilRefused,
  withEveryLevel,
} from "./every-level.ts";

/** Of each level; each meets some of what is done, for a dial that failed is followed by an ever later one. */
const AGENTS = [1, 2, 3];
const TO_BASIC: readonly Kind[] = [
  ["the preface's version flipped", passing(replacing(3, [0]))],
  ["the preface's level flipped", passing(replacing(4, [0]))],
  ["the name of the key changed", passing(replacing(6, Buffer.from("another")))],
  ["the magic taken away", passing(replacing(0, Buffer.from("GET")))],
];

async function connected(agent: LaunchedProcess): Promise<void> {
  await agent.waitForEvent((event) => event["event"] === "connected");
}

/**
 * Agents of one level dial through each kind of meddling: none is let in by it, none begins lower afterwards, and all come in once
 * nobody meddles any more.
 */
async function meddle(
  between: Between,
  agents: readonly LaunchedProcess[],
  { kinds, first }: { readonly kinds: readonly Kind[]; readonly first: number },
): Promise<void> {
  await Promise.all(agents.map(connected));
  // Each came in by the first dial that nobody meddled with.
  assert.equal(between.openings.length, kinds.length + agents.length);
  assert.deepEqual([...new Set(between.openings)], [first]);
  // Each attempt is in the log of the agent that met it.
  const logged = agents.map(({ stderr }) => stderr.match(/"err":\{"code":"(link|agent)\./g) ?? []);
  assert.ok(logged.flat().length >= kinds.length, agents.map(({ stderr }) => stderr).join("\n"));
}

async function levelsOf(central: EveryLevel): Promise<readonly string[]> {
  const { items } = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
  return items.map(({ level }) => level);
}

const auditOf = async (central: EveryLevel, action: string) =>
  (await central.call<Items<{ action: string }>>("GET", "/api/v1/audit")).items.filter(
    (entry) => entry.action === action,
  );

describe("F17, A24: somebody between an agent and central", () => {
  it("brings no agent to dial lower, and lets none in lower", async () => {
    await using toMutual = await standBetween();
    await using toBasic = await standBetween();
    await using toAdvanced = await standBetween();
    await withEveryLevel(
      async (central) => {
        for (const between of [toMutual, toBasic, toAdvanced]) between.target = central.agentsPort;
        const mutualFolders = AGENTS.map((name) => join(central.folder, `mtls-${name}`));
        for (const data of mutualFolders) {
          await using joining = launchTautline(["agent", "join", "--json", "--data", data], {
            env: { TAUTLINE_TOKEN: await central.token() },
          });
          assert.equal((await joining.exited).code, 0, joining.stderr);
        }
        toMutual.openings.length = 0;
        toMutual.meddling = [...TO_ANY, ...TO_TLS];
        toBasic.meddling = [...TO_ANY, ...TO_BASIC];
        toAdvanced.meddling = [...TO_ANY, ...TO_TLS];
        await using agents = new AsyncDisposableStack();
        const run = (args: readonly string[]): LaunchedProcess =>
          agents.use(launchTautline(["agent", "run", "--json", ...args]));
        const mutual = mutualFolders.map((data) => run(["--data", data]));
        const basic = AGENTS.map((index) => run(legacy(central, "basic", toBasic.port, index)));
        const advanced = AGENTS.map((index) =>
          run(legacy(central, "advanced", toAdvanced.port, index)),
        );
        await Promise.all([
          meddle(toMutual, mutual, { kinds: [...TO_ANY, ...TO_TLS], first: OPENING.tls }),
          meddle(toBasic, basic, { kinds: [...TO_ANY, ...TO_BASIC], first: OPENING.basic }),
          meddle(toAdvanced, advanced, { kinds: [...TO_ANY, ...TO_TLS], first: OPENING.tls }),
        ]);
        const expected = ["advanced", "basic", "mtls"].flatMap((level) => AGENTS.map(() => level));
        assert.deepEqual((await levelsOf(central)).toSorted(), expected);
        // What reached central is in its counters and its log.
        for (const code of ["link.key_unproven", "link.handshake_cut"]) {
          assert.ok((await refusals(central, code)) > 0, code);
          assert.match(central.process.stderr, new RegExp(code.replace(".", "\\.")));
        }
        await agents.disposeAsync();
        await isRefusedLower(mutualFolders[0] ?? "");
      },
      { agents: `  advertise: ["127.0.0.1:${toMutual.port}"]` },
    );
  });

  it("finds central closed to older TLS and to weak suites, and each attempt counted", () =>
    withEveryLevel(async (central) => {
      const to = ["s_client", "-connect", `127.0.0.1:${central.agentsPort}`];
      const psk = ["-psk_identity", "legacy", "-psk", central.sharedKey.toString("hex")];
      const weak = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";
      const attempts = [
        ["-tls1_1", "-cipher", weak],
        ["-tls1_2"],
        ["-tls1_1", "-cipher", weak, ...psk],
        ["-tls1_2", "-cipher", "PSK-AES128-CBC-SHA:RSA-PSK-AES256-GCM-SHA384:@SECLEVEL=0", ...psk],
        ["-tls1_2", "-cipher", "DHE-PSK-AES128-CBC-SHA256:@SECLEVEL=0", ...psk],
        ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_CCM_SHA256"],
        ["-tls1_3", "-groups", "ffdhe2048"],
      ];
      for (const flags of attempts) {
        await using client = launchProcess({ command: "openssl", args: [...to, ...flags] });
        await client.exited;
        const said = client.stdout + client.stderr;
        assert.match(said, /alert|no cipher match|wrong version|no protocols available/, said);
        assert.doesNotMatch(client.stdout, /^New, TLS/m, flags.join(" "));
      }
      const codes = [
        "link.tls_version",
        "link.handshake_failed",
        "link.key_missing",
        "link.crypto_mismatch",
      ];
      const counted = await Promise.all(codes.map((code) => refusals(central, code)));
      const total = counted.reduce((sum, count) => sum + count, 0);
      assert.ok(total >= attempts.length, `${total} of ${attempts.length} counted`);
      assert.deepEqual(await levelsOf(central), []);
    }));

  it("learns a token over plaintext in vain: it is revoked, and that is audited", () =>
    withEveryLevel(async (central) => {
      const { tokenId, secret } = decodeJoinToken(await central.token());
      const bearer = formatTokenCredential(tokenId, secret);
      const poll = `POST /v1/opamp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer ${bearer}\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n`;
      const socket = await dialTcp(central.plaintextPort);
      const said = untilClosed(socket);
      socket.write(poll);
      assert.match((await said).toString(), /^HTTP\/1\.1 403 .*admission\.token_exposed/s);
      assert.equal((await auditOf(central, "token.revoked")).length, 1);
      await untilRefused(central, "admission.token_exposed", 1);
      assert.match(central.process.stderr, /admission\.token_exposed/);
    }));
});

function legacy(central: EveryLevel, level: string, port: number, index: number): string[] {
  const data = join(central.folder, `${level}-${index}`);
  const key = ["--key-file", central.keyFile, "--key-name", "legacy"];
  return ["--data", data, "--central", `127.0.0.1:${port}`, "--level", level, ...key];
}

/** Who proved mtls once and is set lower dials nobody. */
async function isRefusedLower(data: string): Promise<void> {
  const config = join(data, "..", "lower.yaml");
  writeFileSync(config, "floor: plaintext\ncentral: {level: plaintext}\n", { mode: 0o600 });
  await using lower = launchTautline([
    "agent",
    "run",
    "--json",
    "--data",
    data,
    "--config",
    config,
  ]);
  assert.notEqual((await lower.exited).code, 0);
  assert.match(lower.stderr, /agent\.level_lowered/);
}
