import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  agentIdFromBytes,
  agentIdToBytes,
  AgentToServerSchema,
  decodeServerToAgent,
  encodeAgentToServer,
} from "@tautline/protocol";
import { launchProcess } from "@tautline/testing";
import { type RunningCentral, withCentral } from "../running-central.ts";
import { joinByHand } from "./hand-made-agent.ts";

interface CurlAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

describe("curl as a peer", () => {
  it("polls OpAMP with an agent's certificate, verifying central's by its own rules", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      const message = create(AgentToServerSchema, {
        instanceUid: agentIdToBytes(agent.id),
        sequenceNum: 1n,
        capabilities: 1n,
      });
      const bodyFile = join(central.folder, "status.bin");
      writeFileSync(bodyFile, encodeAgentToServer(message));
      const answer = await curl(central, [
        "--cacert",
        agent.rootsFile,
        "--cert",
        agent.clientChainFile,
        "--key",
        agent.clientKeyFile,
        "-H",
        "content-type: application/x-protobuf",
        "--data-binary",
        `@${bodyFile}`,
        `https://127.0.0.1:${central.agentsPort}/v1/opamp`,
      ]);
      assert.equal(answer.status, 200);
      assert.equal(answer.type, "application/x-protobuf");
      assert.equal(
        agentIdFromBytes(decodeServerToAgent(answer.body, 65_536).instanceUid),
        agent.id,
      );
    });
  });

  it("without a certificate or a token is refused with a problem document that names the remedy", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      const answer = await curl(central, [
        "--cacert",
        agent.rootsFile,
        "-H",
        "content-type: application/x-protobuf",
        "--data-binary",
        "x",
        `https://127.0.0.1:${central.agentsPort}/v1/opamp`,
      ]);
      assert.equal(answer.status, 401);
      assert.equal(answer.type, "application/problem+json");
      const problem = JSON.parse(answer.body.toString("utf8")) as Record<string, unknown>;
      assert.equal(problem["code"], "admission.credential_missing");
      assert.match(String(problem["remedy"]), /tautline agent join/);
    });
  });

  it("reads metrics and health on the console port, and nothing of the API without a login (A7)", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      const console_ = `https://127.0.0.1:${central.consolePort}`;
      const identity = [
        "--cacert",
        agent.rootsFile,
        "--cert",
        agent.clientChainFile,
        "--key",
        agent.clientKeyFile,
      ];
      const metrics = await curl(central, [...identity, `${console_}/metrics`]);
      assert.match(
        metrics.body.toString("utf8"),
        /^tautline_enrolments_total\{outcome="joined"\} 1$/m,
      );
      assert.equal(
        (await curl(central, [...identity, `${console_}/readyz`])).body.toString("utf8"),
        "ready\n",
      );
      const agents = await curl(central, [...identity, `${console_}/api/v1/agents`]);
      assert.equal(agents.status, 401);
      assert.match(agents.body.toString("utf8"), /api\.login_required/);
    });
  });
});

async function curl(central: RunningCentral, args: readonly string[]): Promise<CurlAnswer> {
  const output = join(central.folder, "answer");
  await using process = launchProcess({
    command: "curl",
    args: [
      "--silent",
      "--show-error",
      "--output",
      output,
      "--write-out",
      "%{http_code} %{content_type}",
      ...args,
    ],
  });
  const { code } = await process.exited;
  assert.equal(code, 0, process.stderr);
  const [status, type] = process.stdout.split(" ");
  return { status: Number(status), type: type?.split(";")[0] ?? "", body: await readFile(output) };
}
