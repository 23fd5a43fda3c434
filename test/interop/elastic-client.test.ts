import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  createOpAMPClient,
  DIAG_CH_SEND_FAIL,
  DIAG_CH_SEND_SUCCESS,
  RemoteConfigStatuses,
} from "@elastic/opamp-client-node";
import {
  type Items,
  type ListedLink,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { type HandMadeAgent, joinByHand } from "./hand-made-agent.ts";

/** OpAMP agent capability bits 0x2 and 0x1000. */
const ACCEPTS_AND_REPORTS_REMOTE_CONFIG = 0x1002n;

describe("@elastic/opamp-client-node as a peer, as published", () => {
  it("reports over mutual TLS, takes settings, and central records that it applied them", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      await central.call("PUT", "/api/v1/settings", { key: "agents.labels.site", value: "Berlin" });
      const { applied } = await runClient(central, agent);
      assert.equal(applied, '{"labels":{"site":"Berlin"}}');

      const page = await central.call<{
        settings: { status: string };
        attributes: Record<string, string>;
      }>("GET", `/api/v1/agents/${agent.id}`);
      assert.equal(page.settings.status, "applied");
      assert.equal(page.attributes["service.name"], "elastic");
      const { items } = await central.call<Items<ListedLink>>(
        "GET",
        `/api/v1/links?agent=${agent.id}`,
      );
      assert.deepEqual(
        items.map(({ transport, level, group }) => ({ transport, level, group })),
        [{ transport: "polling", level: "mtls", group: "X25519MLKEM768" }],
      );
    });
  });
});

/** Runs the client until central has answered the report that its settings are applied. */
async function runClient(
  central: RunningCentral,
  agent: HandMadeAgent,
): Promise<{ applied: string }> {
  const events = new EventEmitter();
  const onSuccess = (message: unknown): boolean => events.emit("answered", message);
  const onFail = (message: unknown): boolean =>
    events.emit("error", (message as { err: unknown }).err);
  channel(DIAG_CH_SEND_SUCCESS).subscribe(onSuccess);
  channel(DIAG_CH_SEND_FAIL).subscribe(onFail);
  const taken = { text: "" };
  const client = createOpAMPClient({
    endpoint: `https://127.0.0.1:${central.agentsPort}/v1/opamp`,
    instanceUid: agent.id,
    capabilities: ACCEPTS_AND_REPORTS_REMOTE_CONFIG,
    heartbeatIntervalSeconds: 0.2,
    diagEnabled: true,
    connect: {
      ca: readFileSync(agent.rootsFile, "utf8"),
      cert: readFileSync(agent.clientChainFile, "utf8"),
      key: readFileSync(agent.clientKeyFile, "utf8"),
    },
    onMessage: ({ remoteConfig }) => {
      const files: Record<string, { body?: Uint8Array }> = remoteConfig?.config?.configMap ?? {};
      taken.text = new TextDecoder().decode(files["tautline.json"]?.body);
      client.setRemoteConfigStatus({
        status: RemoteConfigStatuses.RemoteConfigStatuses_APPLIED,
        lastRemoteConfigHash: remoteConfig?.configHash,
      });
    },
  });
  client.setAgentDescription({ identifyingAttributes: { "service.name": "elastic" } });
  client.start();
  try {
    while (taken.text === "") await once(events, "answered");
    await once(events, "answered");
  } finally {
    await client.shutdown();
    channel(DIAG_CH_SEND_SUCCESS).unsubscribe(onSuccess);
    channel(DIAG_CH_SEND_FAIL).unsubscribe(onFail);
  }
  return { applied: taken.text };
}
