import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { type CryptoChoice, dialPinned, type KeyExchangeGroup } from "@tautline/link";
import { deriveSharedKey } from "@tautline/pki";
import { fromBase64Url, makeAgentId } from "@tautline/protocol";
import { launchTautline, withTempFolder } from "@tautline/testing";
import { openRawLink, type RawLink, speakRaw } from "../raw-link.ts";
import {
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";

const KEY_TEXT = "a key of the tests that is long enough to be strong: 2c81f0aa97";
const HOST = "127.0.0.1";
const sharedKey = await deriveSharedKey(KEY_TEXT, { namespace: "default", name: "legacy" });
const key = { name: "legacy" };

type Row = Readonly<Record<string, unknown>>;

async function withGroups(crypto: string, use: (central: RunningCentral) => Promise<void>) {
  await withTempFolder(async (folder) => {
    const [config, file] = [join(folder, "central.yaml"), join(folder, "legacy.key")];
    writeFileSync(file, KEY_TEXT, { mode: 0o600 });
    const agents = `levels: [advanced, tls], tlsClients: any${crypto}`;
    writeFileSync(
      config,
      `agents: { ${agents} }\nkeys: [{ name: legacy, file: ${JSON.stringify(file)} }]\n`,
    );
    const dataDir = join(folder, "central");
    await using process = launchCentral(dataDir, undefined, { config });
    await use(await describeCentral(process, dataDir, folder));
    await process.kill("SIGTERM");
  });
}

/** A link by central's certificate, as an agent without one of its own. */
async function openTls(central: RunningCentral, crypto: CryptoChoice): Promise<RawLink> {
  const { rootPin } = await central.call<{ rootPin: string }>("GET", "/api/v1/status");
  const pins = [rootPin.length === 64 ? Buffer.from(rootPin, "hex") : fromBase64Url(rootPin)];
  const where = { host: HOST, port: central.agentsPort, trustDomain: "tautline.internal" };
  const limits = { timeoutMs: 30_000, now: Date.now };
  const { socket, evidence } = await dialPinned({ ...where, ...limits, pins, crypto });
  const address = `${HOST}:${central.agentsPort}`;
  return speakRaw(socket, { id: makeAgentId(Date.now(), randomBytes(10)), address, evidence });
}

/** A link of another program's making. */
async function openForeign(central: RunningCentral, options: ConnectionOptions) {
  const port = central.agentsPort;
  const socket: TLSSocket = connect({
    host: HOST,
    port,
    checkServerIdentity: () => undefined,
    ...options,
  });
  await once(socket, "secureConnect");
  const id = makeAgentId(Date.now(), randomBytes(10));
  const link = await speakRaw(socket, { id, address: `${HOST}:${port}`, evidence: undefined });
  return { link, socket };
}

/** What central itself says of the agent's link, in JSON. */
async function shown(central: RunningCentral, { id }: RawLink): Promise<Row> {
  const { items } = await central.call<Items<Row>>("GET", `/api/v1/links?agent=${id}`);
  const [{ level, protocol, group, pq } = {}] = items;
  return { level, protocol, group, pq };
}

describe("the key-exchange group of a link, as central proves it", () => {
  const groups: readonly [KeyExchangeGroup | undefined, string, boolean][] = [
    ["X25519", "X25519", false],
    ["P-256", "P-256", false],
    [undefined, "X25519MLKEM768", true],
  ];

  it("is the one that was really used, with certificates and with keys alike, also of TLS 1.2 and where a session was to be resumed", () =>
    withGroups("", async (central) => {
      for (const [forced, group, pq] of groups) {
        const crypto = forced === undefined ? {} : { groups: [forced] };
        const { agentsPort: port } = central;
        const advanced = await openRawLink({ port, level: "advanced", key, sharedKey, crypto });
        const tls = await openTls(central, crypto);
        for (const [link, level] of [
          [advanced, "advanced"],
          [tls, "tls"],
        ] as const) {
          assert.equal(link.evidence?.group, group);
          assert.deepEqual(await shown(central, link), { level, protocol: "TLSv1.3", group, pq });
          link.end();
        }
      }

      const psk: ConnectionOptions = {
        pskCallback: () => ({ psk: sharedKey, identity: "legacy" }),
        ciphers: "DHE-PSK-AES256-GCM-SHA384",
        maxVersion: "TLSv1.2",
      };
      const old = await openForeign(central, psk);
      const dhe = { level: "advanced", protocol: "TLSv1.2", group: "ffdhe3072", pq: false };
      assert.deepEqual(await shown(central, old.link), dhe);
      old.link.end();

      // No session of the port's is resumed: who names one is given a handshake of its own, with a group of its own.
      const certified = { rejectUnauthorized: false, minVersion: "TLSv1.3" } as const;
      const first = await openForeign(central, { ...certified, ecdhCurve: "X25519" });
      const session = first.socket.getSession();
      const second = await openForeign(central, { ...certified, ecdhCurve: "P-256", session });
      assert.deepEqual(
        [first.socket.isSessionReused(), second.socket.isSessionReused()],
        [false, false],
      );
      assert.equal((await shown(central, first.link))["group"], "X25519");
      assert.equal((await shown(central, second.link))["group"], "P-256");
      for (const { link } of [first, second]) link.end();
    }));

  it("crypto agility: ML-KEM-1024 alone by setting at both ends, and whoever has none of it is told so", () =>
    withGroups(", keyExchange: [MLKEM1024]", async (central) => {
      const only = { groups: ["MLKEM1024"] } as const;
      const { agentsPort: port } = central;
      const link = await openTls(central, only);
      const expected = { level: "tls", protocol: "TLSv1.3", group: "MLKEM1024", pq: true };
      assert.deepEqual(await shown(central, link), expected);
      link.end();
      await assert.rejects(openTls(central, {}), { code: "link.crypto_mismatch" });

      const [data, file] = [join(central.folder, "agent"), join(central.folder, "agent.yaml")];
      const keyFile = JSON.stringify(join(central.folder, "legacy.key"));
      const settings = `addresses: ["${HOST}:${port}"], level: advanced, key: { file: ${keyFile} }`;
      writeFileSync(file, `central: { ${settings}, keyExchange: [MLKEM1024] }\n`);
      await using agent = launchTautline([
        "agent",
        "run",
        "--json",
        "--config",
        file,
        "--data",
        data,
      ]);
      const line = await agent.waitForEvent(({ event }) => event === "connected");
      assert.deepEqual([line["level"], line["group"]], ["advanced", "MLKEM1024"]);
      await agent.kill("SIGTERM");
    }));
});
