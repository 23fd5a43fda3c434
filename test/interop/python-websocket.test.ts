import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { launchProcess } from "@tautline/testing";
import { withCentral } from "../running-central.ts";
import { joinByHand } from "./hand-made-agent.ts";

/** Debian's own interpreter: it is the one that has Debian's websockets and protobuf. */
const PYTHON = "/usr/bin/python3";
const PROTO = fileURLToPath(new URL("../../proto", import.meta.url));
const SCRIPT = fileURLToPath(new URL("opamp_agent.py", import.meta.url));

describe("an OpAMP agent in Python (websockets and protobuf from Debian)", () => {
  it("reports over mutual TLS, is asked for its full state after a gap, is offered signed settings, and may speak for itself alone (A30)", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      await central.call("PUT", "/api/v1/settings", {
        key: "agents.heartbeatSeconds",
        value: "10",
      });
      await generateModules(central.folder);
      const url = `wss://127.0.0.1:${central.agentsPort}/v1/opamp`;
      await using peer = launchProcess({
        command: PYTHON,
        args: [
          SCRIPT,
          url,
          agent.id,
          agent.clientChainFile,
          agent.clientKeyFile,
          agent.rootsFile,
          central.folder,
        ],
      });
      const first = await peer.waitForEvent(() => true);
      assert.equal(first["instanceUid"], agent.id);
      assert.equal(Number(first["capabilities"]) & 0x1, 0x1);
      assert.equal(first["asksFullState"], false);
      assert.deepEqual(first["files"], ["tautline.json"]);
      assert.equal(first["signed"], true);

      const afterGap = await peer.waitForEvent(() => true);
      assert.equal(afterGap["asksFullState"], true);
      assert.deepEqual(afterGap["files"], [], "an offer just made is not made twice");

      const forAnother = await peer.waitForEvent(() => true);
      assert.match(String(forAnother["error"]), /^opamp\.not_your_id: /);
      assert.equal((await peer.exited).code, 0, peer.stderr);

      const page = await central.call<{ state: string; attributes: Record<string, string> }>(
        "GET",
        `/api/v1/agents/${agent.id}`,
      );
      assert.equal(page.state, "active");
      assert.equal(page.attributes["service.name"], "python");
    });
  });
});

/** Makes Python's message classes from our .proto files with Debian's protoc: a second reading of the field numbers. */
async function generateModules(folder: string): Promise<void> {
  const files = ["opamp/v1/anyvalue.proto", "opamp/v1/opamp.proto"].map((file) =>
    join(PROTO, file),
  );
  await using protoc = launchProcess({
    command: "protoc",
    args: [`--proto_path=${PROTO}`, `--python_out=${folder}`, ...files],
  });
  assert.equal((await protoc.exited).code, 0, protoc.stderr);
}
