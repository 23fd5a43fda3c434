import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchProcess, launchTautline, type ProcessEnd } from "@tautline/testing";
import { type Items, type RunningCentral, withCentral } from "../running-central.ts";
import { type HandMadeAgent, joinByHand } from "./hand-made-agent.ts";

interface Authority {
  readonly id: string;
  readonly kind: string;
}

interface Ran extends ProcessEnd {
  readonly text: string;
}

async function run(command: string, args: readonly string[]): Promise<Ran> {
  await using process = launchProcess({ command, args });
  const end = await process.exited;
  return { ...end, text: process.stdout + process.stderr };
}

/** Fetches an authority's list as anybody may, and checks central by its root. */
async function fetchCrl(central: RunningCentral, kind: string, rootsFile: string): Promise<string> {
  const { items } = await central.call<Items<Authority>>("GET", "/api/v1/authorities");
  const { id } = items.find((each) => each.kind === kind) ?? assert.fail(`no authority ${kind}`);
  const file = join(central.folder, `${kind}.crl`);
  const url = `https://127.0.0.1:${central.consolePort}/crl/${id}.crl`;
  const fetched = await run("curl", ["-sS", "--fail", "--cacert", rootsFile, "-o", file, url]);
  assert.equal(fetched.code, 0, fetched.text);
  return file;
}

async function serialOf(file: string): Promise<string> {
  const { text } = await run("openssl", ["x509", "-noout", "-serial", "-in", file]);
  return text.trim().replace("serial=", "").toLowerCase();
}

/** `openssl verify -crl_check` of a leaf against the root and its authority's list. */
async function verify(agent: HandMadeAgent, chainFile: string, crlFile: string): Promise<Ran> {
  const trust = ["-x509_strict", "-CAfile", agent.rootsFile, "-untrusted", chainFile];
  return run("openssl", ["verify", "-crl_check", ...trust, "-CRLfile", crlFile, chainFile]);
}

async function verifyOurselves(agent: HandMadeAgent, crlFile: string): Promise<Ran> {
  const files = ["--roots", agent.rootsFile, "--chain", agent.clientChainFile, "--crl", crlFile];
  const name = `spiffe://default.tautline.internal/agent/${agent.id}`;
  const words = ["verify-chain", ...files, "--name", name, "--purpose", "client"];
  await using process = launchTautline([...words, "--time", new Date().toISOString()]);
  const end = await process.exited;
  return { ...end, text: process.stdout + process.stderr };
}

describe("revocation lists and software that no one here wrote", () => {
  it("curl fetches each list, openssl verifies it by its authority, and -crl_check refuses the revoked leaf and takes the good one", async () => {
    await withCentral(async (central) => {
      const gone = await joinByHand(await central.token(), central.folder);
      const stays = await joinByHand(await central.token(), central.folder);
      const empty = await fetchCrl(central, "agents", gone.rootsFile);
      const before = await verify(gone, gone.clientChainFile, empty);
      assert.equal(before.code, 0, before.text);

      const serial = await serialOf(gone.clientChainFile);
      const reason = { reason: "keyCompromise" };
      await central.call("POST", `/api/v1/certificates/${serial}/revoke`, reason);
      const written = join(central.folder, "written.pem");
      const words = ["certs", "crl", "--data", central.dataDir, "--out", written];
      await using cli = launchTautline(words);
      assert.equal((await cli.exited).code, 0, cli.stderr);
      assert.match(cli.stdout, /with one entry/);

      const issuer = join(central.folder, "issuer.pem");
      writeFileSync(
        issuer,
        readFileSync(gone.clientChainFile, "utf8").split(/(?<=-----END CERTIFICATE-----\n)/)[1] ??
          "",
      );
      const signed = await run("openssl", [
        "crl",
        "-verify",
        "-noout",
        "-CAfile",
        issuer,
        "-in",
        written,
      ]);
      assert.match(signed.text, /verify OK/);
      const shown = await run("openssl", ["crl", "-noout", "-text", "-in", written]);
      assert.match(shown.text, /Version 2/);
      assert.match(shown.text, /X509v3 CRL Number/);
      assert.match(shown.text, new RegExp(`Serial Number: ${serial.toUpperCase()}`));
      assert.match(shown.text, /Key Compromise/);
      assert.doesNotMatch(shown.text, /:\d\d\.\d/, "no fractions of a second");

      const revoked = await verify(gone, gone.clientChainFile, written);
      assert.notEqual(revoked.code, 0);
      assert.match(revoked.text, /certificate revoked/);
      for (const file of [gone.serverChainFile, stays.clientChainFile, stays.serverChainFile]) {
        const good = await verify(stays, file, written);
        assert.equal(good.code, 0, good.text);
      }
      const published = await fetchCrl(central, "agents", gone.rootsFile);
      assert.match((await verifyOurselves(gone, published)).text, /pki\.chain_revoked/);
      assert.equal((await verifyOurselves(stays, published)).code, 0);
    });
  });

  it("openssl checks a whole chain, up to the root's own list, and central's own as well", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      const lists: string[] = [];
      for (const kind of ["root", "agents", "services"]) {
        const file = await fetchCrl(central, kind, agent.rootsFile);
        lists.push((await run("openssl", ["crl", "-inform", "DER", "-in", file])).text);
      }
      const all = join(central.folder, "all.pem");
      writeFileSync(all, lists.join(""));
      const trust = ["-x509_strict", "-CAfile", agent.rootsFile, "-CRLfile", all];
      const address = `127.0.0.1:${central.agentsPort}`;
      const dial = ["s_client", "-connect", address, "-showcerts"];
      await using client = launchProcess({ command: "openssl", args: dial, input: "" });
      await client.exited;
      const own = join(central.folder, "central.pem");
      const shownPem = client.stdout.match(
        /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g,
      );
      writeFileSync(own, shownPem?.join("") ?? "");
      for (const chain of [agent.clientChainFile, own]) {
        const files = ["-untrusted", chain, chain];
        const whole = await run("openssl", ["verify", "-crl_check_all", ...trust, ...files]);
        assert.equal(whole.code, 0, whole.text);
      }
    });
  });
});
