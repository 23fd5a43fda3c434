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
import { ServerCapabilities, type ServerToAgent } from "@tautline/protocol";
import { type Items, type ListedLink, withCentral } from "../running-central.ts";
import { joinByHand } from "./hand-made-agent.ts";
import { makeReport, openLevelCentral, seenAs } from "./level-central.ts";

/** OpAMP agent capability bits 0x2 and 0x1000. */
const ACCEPTS_AND_REPORTS_REMOTE_CONFIG = 0x1002n;
/** Reports that are looked at before the client is believed to lose none. */
const ANSWERS = 4;

describe("@elastic/opamp-client-node as a peer, as published", () => {
  it("reports over mutual TLS, takes settings, and central records that it applied them", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      await central.call("PUT", "/api/v1/settings", { key: "agents.labels.site", value: "Berlin" });
      const { applied } = await runClient({
        id: agent.id,
        endpoint: `https://127.0.0.1:${central.agentsPort}/v1/opamp`,
        connect: {
          ca: readFileSync(agent.rootsFile, "utf8"),
          cert: readFileSync(agent.clientChainFile, "utf8"),
          key: readFileSync(agent.clientKeyFile, "utf8"),
        },
        isDone: ({ applied: taken }) => taken !== "",
      });
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

  it("over plaintext loses nothing that it reports, is seen as a claim, and is given nothing", async () => {
    await using central = await openLevelCentral();
    await central.call("PUT", "/api/v1/settings", { key: "agents.labels.site", value: "Berlin" });
    const { id } = makeReport(central.folder);
    const { applied, answers } = await runClient({
      id,
      endpoint: `http://127.0.0.1:${central.plaintextPort}/v1/opamp`,
      isDone: (seen) => seen.answers.length >= ANSWERS,
    });
    assert.equal(applied, "");
    for (const answer of answers) {
      assert.equal(answer.capabilities, BigInt(ServerCapabilities.ACCEPTS_STATUS));
      const { remoteConfig, connectionSettings, customMessage, errorResponse, command } = answer;
      const given = { remoteConfig, connectionSettings, customMessage, errorResponse, command };
      assert.deepEqual(
        Object.values(given).filter((each) => each !== undefined),
        [],
      );
    }
    assert.deepEqual(await seenAs(central, id), {
      state: "unproven",
      level: "plaintext",
      keyId: null,
      transport: "polling",
      clientProven: false,
    });
    const page = await central.call<{ attributes: Record<string, string> }>(
      "GET",
      `/api/v1/agents/${id}`,
    );
    assert.equal(page.attributes["service.name"], "elastic");
  });
});

/** What the client heard so far. */
interface Heard {
  /** The settings that it took, as text. */
  readonly applied: string;
  readonly answers: readonly ServerToAgent[];
}

/** Where the client reports, as whom, and until when. */
interface ClientOrder {
  readonly id: string;
  readonly endpoint: string;
  readonly connect?: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly isDone: (heard: Heard) => boolean;
}

/** Runs the client until enough is heard and central has answered one report more. */
async function runClient({ id, endpoint, connect, isDone }: ClientOrder): Promise<Heard> {
  const events = new EventEmitter();
  const onSuccess = (message: unknown): boolean => events.emit("answered", message);
  const onFail = (message: unknown): boolean =>
    events.emit("error", (message as { err: unknown }).err);
  channel(DIAG_CH_SEND_SUCCESS).subscribe(onSuccess);
  channel(DIAG_CH_SEND_FAIL).subscribe(onFail);
  const answers: ServerToAgent[] = [];
  const heard = { applied: "", answers };
  events.on("answered", ({ s2a }: { readonly s2a: ServerToAgent }) => answers.push(s2a));
  const client = createOpAMPClient({
    endpoint,
    instanceUid: id,
    capabilities: ACCEPTS_AND_REPORTS_REMOTE_CONFIG,
    heartbeatIntervalSeconds: 0.2,
    diagEnabled: true,
    ...(connect && { connect }),
    onMessage: ({ remoteConfig }) => {
      const files: Record<string, { body?: Uint8Array }> = remoteConfig?.config?.configMap ?? {};
      heard.applied = new TextDecoder().decode(files["tautline.json"]?.body);
      client.setRemoteConfigStatus({
        status: RemoteConfigStatuses.RemoteConfigStatuses_APPLIED,
        lastRemoteConfigHash: remoteConfig?.configHash,
      });
    },
  });
  client.setAgentDescription({ identifyingAttributes: { "service.name": "elastic" } });
  client.start();
  try {
    while (!isDone(heard)) await once(events, "answered");
    await once(events, "answered");
  } finally {
    await client.shutdown();
    channel(DIAG_CH_SEND_SUCCESS).unsubscribe(onSuccess);
    channel(DIAG_CH_SEND_FAIL).unsubscribe(onFail);
  }
  return heard;
}
