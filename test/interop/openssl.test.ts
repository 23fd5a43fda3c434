import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { agentIdToBytes, AgentToServerSchema, encodeAgentToServer } from "@tautline/protocol";
import { launchProcess } from "@tautline/testing";
import {
  type Items,
  type ListedLink,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { type HandMadeAgent, joinByHand } from "./hand-made-agent.ts";

describe("OpenSSL's own programs as peers", () => {
  it("s_client with an agent's certificate is listed at mtls, and the group that central proves follows -groups", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      const serial = await serialOf(agent);
      for (const [wanted, listed] of [
        ["X25519", "X25519"],
        ["P-256", "P-256"],
      ] as const) {
        await reportBySClient(central, agent, wanted);
        const { items } = await central.call<Items<ListedLink>>(
          "GET",
          `/api/v1/links?agent=${agent.id}`,
        );
        assert.equal(items.length, 1);
        const [link] = items;
        assert.equal(link?.level, "mtls");
        assert.equal(link?.group, listed);
        assert.equal(link?.peerSerial, serial);
        assert.equal(link?.clientProven, true);
      }
    });
  });

  it("openssl verify -x509_strict accepts both leaves, each for its own purpose and not for the other's (A16)", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      for (const [file, purpose, accepted] of [
        [agent.clientChainFile, "sslclient", true],
        [agent.serverChainFile, "sslserver", true],
        [agent.clientChainFile, "sslserver", false],
        [agent.serverChainFile, "sslclient", false],
      ] as const) {
        const args = [
          "verify",
          "-x509_strict",
          "-purpose",
          purpose,
          "-CAfile",
          agent.rootsFile,
          "-untrusted",
          file,
          file,
        ];
        await using verify = launchProcess({ command: "openssl", args });
        const { code } = await verify.exited;
        assert.equal(code === 0, accepted, `${purpose}: ${verify.stdout}${verify.stderr}`);
      }
    });
  });

  it("s_client of TLS 1.2 is turned away in the handshake", async () => {
    await withCentral(async (central) => {
      const args = ["s_client", "-connect", `127.0.0.1:${central.agentsPort}`, "-tls1_2"];
      await using client = launchProcess({ command: "openssl", args, input: "" });
      await client.exited;
      assert.match(
        client.stderr + client.stdout,
        /alert protocol version|no protocols available|protocol version/i,
      );
    });
  });
});

async function serialOf(agent: HandMadeAgent): Promise<string> {
  const args = ["x509", "-noout", "-serial", "-in", agent.clientChainFile];
  await using x509 = launchProcess({ command: "openssl", args });
  await x509.exited;
  return x509.stdout.trim().replace("serial=", "").toLowerCase();
}

/** Sends one status by OpAMP's polling transport, typed into s_client. */
async function reportBySClient(
  central: RunningCentral,
  agent: HandMadeAgent,
  groups: string,
): Promise<void> {
  const body = encodeAgentToServer(
    create(AgentToServerSchema, { instanceUid: agentIdToBytes(agent.id), capabilities: 1n }),
  );
  const head =
    `POST /v1/opamp HTTP/1.1\r\nHost: central\r\nContent-Type: application/x-protobuf\r\n` +
    `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  await using client = launchProcess({
    command: "openssl",
    args: `s_client -quiet -connect 127.0.0.1:${central.agentsPort} -groups ${groups} -verify_return_error -verify_ip 127.0.0.1`
      .split(" ")
      .concat(
        "-cert",
        agent.clientChainFile,
        "-key",
        agent.clientKeyFile,
        "-cert_chain",
        agent.clientChainFile,
      )
      .concat("-CAfile", agent.rootsFile),
    input: Buffer.concat([Buffer.from(head), body]),
  });
  await client.exited;
  assert.match(client.stdout, /^HTTP\/1\.1 200/, client.stderr);
}
