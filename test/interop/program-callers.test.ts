/**
 * Programs that call the receiver by certificates which central issued for them: made by hand with `certs issue`, and kept by an agent.
 * Central and agent are processes of their own, the programs @grpc/grpc-js and curl.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, withTempFolder } from "@tautline/testing";
import { grpcCaller, type GrpcCaller, startEcho, tlsCredentials } from "../grpc-peers.ts";
import {
  callSocket,
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { joinAt } from "../running-forwards.ts";
import { until } from "../until.ts";
import { logged, runPeer, say } from "./level-central.ts";
import { openReceiverPort } from "./telemetry/receiver-way.ts";

type Row = Readonly<Record<string, unknown>>;

const linksOf = async (central: RunningCentral): Promise<readonly Row[]> =>
  (await central.call<Items<Row>>("GET", "/api/v1/links?kind=receiver")).items;

/** As a program does that is given `client.crt`, `client.pem` and `ca.crt` (SW-2). */
function callerBy(port: number, folder: string): GrpcCaller {
  const [root, key, chain] = ["ca.crt", "client.pem", "client.crt"].map((name) =>
    readFileSync(join(folder, name)),
  );
  assert.ok(root !== undefined);
  return grpcCaller(port, tlsCredentials(root, key, chain));
}

async function issue(central: RunningCentral, name: string, ...more: string[]): Promise<Row> {
  const out = join(central.folder, name);
  const words = ["certs", "issue", "--name", name, "--out", out, ...more, "--json"];
  return { out, ...(JSON.parse(await say(central, ...words)) as Row) };
}

const addBackend = (central: RunningCentral, name: string, port: number, more: object = {}) =>
  central.call("POST", "/api/v1/backends", { name, targets: [`127.0.0.1:${port}`], ...more });

describe(
  "programs with certificates of central's own, at the receiver",
  { concurrency: true },
  () => {
    it("SWP-4, SWP-7: what `certs issue --client` made is let in by its name, told to the backend and listed; A28: its revocation ends the stream that runs", () =>
      withCentral(async (central) => {
        await using echo = await startEcho();
        const port = await openReceiverPort(central);
        await addBackend(central, "echo", echo.port, { levels: ["mtls"] });
        await addBackend(central, "lab", echo.port, { routes: ["/lab.*"], namespace: "default" });
        const { out, serial } = await issue(central, "reports.example.org", "--client");
        using caller = callerBy(port, String(out));
        const first = await caller.call("hello");
        assert.deepEqual([first.status, first.message?.toString()], ["OK", "hello"], first.details);
        const told = echo.taken[0]?.metadata;
        assert.equal(told?.["tautline-identity"], "program:reports.example.org");
        assert.equal(told?.["tautline-level"], "mtls");
        assert.equal(told?.["tautline-namespace"], undefined);
        // It belongs to no namespace.
        assert.match((await caller.call("x", {}, "/lab.v1.X/Y")).details, /namespace_refused/);
        const [row] = await linksOf(central);
        assert.deepEqual(
          [row?.["client"], row?.["level"], row?.["clientProven"], row?.["peerSerial"]],
          ["program reports.example.org", "mtls", true, serial],
        );
        assert.match(String(row?.["certificateExpiresAt"]), /^20/);

        const running = await caller.chat();
        await say(central, "certs", "revoke", String(serial), "--reason", "keyCompromise", "--yes");
        assert.match((await running.ended).details, /receiver\.program_revoked/);
        using again = callerBy(port, String(out));
        const refused = await again.call("x");
        assert.equal(refused.status, "PERMISSION_DENIED");
        assert.match(refused.details, /receiver\.program_revoked/);
        assert.deepEqual(await linksOf(central), []);
      }));

    it("A6: a program's certificate opens no control link, and one that is for a server alone calls nothing", () =>
      withCentral(async (central) => {
        await using echo = await startEcho();
        const port = await openReceiverPort(central);
        await addBackend(central, "echo", echo.port);
        const { out } = await issue(central, "reports.example.org", "--client");
        const curl = ["--silent", "--cacert", join(String(out), "ca.crt"), "--data-binary", "x"];
        const pair = [
          "--cert",
          join(String(out), "client.crt"),
          "--key",
          join(String(out), "client.pem"),
        ];
        const type = ["-H", "content-type: application/x-protobuf"];
        const opamp = `https://localhost:${central.agentsPort}/v1/opamp`;
        const { said } = await runPeer("curl", [...curl, ...pair, ...type, opamp]);
        assert.match(said, /pki\.chain_wrong_name/);
        // HTTP is judged as gRPC is; that no backend takes it says that it was let in.
        const { said: http } = await runPeer("curl", [
          ...curl,
          ...pair,
          `https://localhost:${port}/v1/logs`,
        ]);
        assert.match(http, /receiver\.no_backend/);

        const server = await issue(central, "server.example.org");
        const shown = ["server.crt", "server.pem"].map((name) => join(String(server["out"]), name));
        const [chain, key] = shown.map((file) => readFileSync(file));
        const root = readFileSync(join(String(out), "ca.crt"));
        using wrong = grpcCaller(port, tlsCredentials(root, key, chain));
        const refused = await wrong.call("x");
        assert.equal(refused.status, "PERMISSION_DENIED");
        assert.match(refused.details, /pki\.chain_wrong_purpose/);
        assert.equal(echo.taken.length, 0);
        await logged(central, "pki.chain_wrong_purpose", /server\.example\.org/);
      }));

    it("SWP-2: the folder that an agent keeps calls on over a renewal, by the next certificate after it, and no more when its agent is revoked", () =>
      withTempFolder(async (folder) => {
        const config = join(folder, "central.yaml");
        writeFileSync(config, `certificates: { fileLifetime: ${LIFE} }\n`);
        const dataDir = join(folder, "central");
        await using process = launchCentral(dataDir, undefined, { config });
        const central = await describeCentral(process, dataDir, folder);
        await using echo = await startEcho();
        const port = await openReceiverPort(central);
        await addBackend(central, "echo", echo.port, { namespace: "default", levels: ["mtls"] });
        await using agent = await keepFolder(central);
        const before = await agent.serial();
        using first = callerBy(port, agent.folder);
        const running = await first.chat();
        assert.equal(echo.taken[0]?.metadata["tautline-identity"], "program:shop.example.org");
        assert.equal(echo.taken[0]?.metadata["tautline-namespace"], "default");

        const after = await until(async () => {
          const now = await agent.serial();
          return now === before ? undefined : now;
        });
        using second = callerBy(port, agent.folder);
        const next = await second.chat();
        // The stream of before runs on with the certificate that it came by, to the end of that.
        const rows = await linksOf(central);
        assert.deepEqual(new Set(rows.map((row) => row["peerSerial"])), new Set([before, after]));
        assert.match((await running.ended).details, /admission\.certificate_expired/);

        await central.call("POST", `/api/v1/agents/${agent.id}/revoke`);
        assert.match((await next.ended).details, /receiver\.program_revoked/);
        assert.match((await second.call("x")).details, /receiver\.program_revoked/);
      }));
  },
);

/** Half of it is waited for, and the rest. */
const LIFE = "6s";

interface KeptCertificate {
  readonly serial: string | null;
}

interface KeepingAgent extends AsyncDisposable {
  readonly id: string;
  readonly folder: string;
  /** Of the certificate that is in the folder now. */
  serial(): Promise<string>;
}

/** Runs an agent that keeps a client's certificate for a program of its host. */
async function keepFolder(central: RunningCentral): Promise<KeepingAgent> {
  const names = ["shop.example.org"];
  const allowed = { names, use: "client", namespace: "default" };
  await central.call("POST", "/api/v1/certificate-names", allowed);
  const data = join(central.folder, "agent");
  const kept = join(central.folder, "shop");
  mkdirSync(data, { mode: 0o700 });
  const settings = {
    central: { addresses: [`127.0.0.1:${central.agentsPort}`] },
    certificates: { shop: { folder: kept, names, use: "client" } },
  };
  writeFileSync(join(data, "agent.yaml"), JSON.stringify(settings));
  await joinAt(central, data, "host-of-shop");
  const process = launchTautline(["agent", "run", "--json", "--data", data]);
  await process.waitForEvent(({ event }) => event === "connected");
  const path = "/status";
  const status = () =>
    callSocket<{ readonly id: string; readonly keptCertificates: readonly KeptCertificate[] }>(
      join(data, "agent.sock"),
      { method: "GET", path },
    );
  const serial = (): Promise<string> =>
    until(async () => (await status()).keptCertificates[0]?.serial ?? undefined);
  await serial();
  const { id } = await status();
  return {
    id,
    folder: kept,
    serial,
    [Symbol.asyncDispose]: async () => void (await process.kill("SIGTERM")),
  };
}
