import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "node:test";
import { makeAgentId } from "@tautline/protocol";
import { launchProcess } from "@tautline/testing";
import {
  KEY_NAME,
  type LevelCentral,
  logged,
  makeKey,
  makeReport,
  openLevelCentral,
  seenAs,
} from "./level-central.ts";

/** Debian's own interpreter: it is the one that has Debian's cryptography. */
const PYTHON = "/usr/bin/python3";
const CLIENT = fileURLToPath(new URL("basic_client.py", import.meta.url));

const textOf = (file: string): string => readFileSync(file, "utf8").trimEnd();

interface Answer {
  readonly answer?: string;
  readonly closed?: string;
}

describe("the client of the level basic in Python, at a running central", () => {
  let central: LevelCentral;
  before(async () => {
    central = await openLevelCentral();
  });
  after(() => central[Symbol.asyncDispose]());

  const ask = async (name: string, text: string, request: Buffer): Promise<Answer> => {
    const place = { host: "127.0.0.1", port: central.agentsPort, namespace: "default", name };
    const order = { ...place, identity: name, text, request: request.toString("latin1") };
    const input = JSON.stringify(order);
    await using client = launchProcess({ command: PYTHON, args: [CLIENT], input });
    assert.equal((await client.exited).code, 0, client.stderr);
    return JSON.parse(client.stdout) as Answer;
  };

  it("reports by HTTP over it as any OpAMP agent does, and is seen as a claim with its key", async () => {
    const { id, request } = makeReport(central.folder);
    const { answer = "" } = await ask(KEY_NAME, textOf(central.keyFile), request);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.deepEqual(await seenAs(central, id), {
      state: "unproven",
      level: "basic",
      keyId: `${KEY_NAME}#1`,
      transport: "polling",
      clientProven: false,
    });
  });

  it("with the key of one agent alone is that agent, and can be no other", async () => {
    const id = makeAgentId(Date.now(), randomBytes(10));
    const file = await makeKey(central, "bound", "--agent", id);
    const mine = makeReport(central.folder, id);
    const { answer = "" } = await ask("bound", textOf(file), mine.request);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    const { state, clientProven } = await seenAs(central, id);
    assert.deepEqual([state, clientProven], ["keyed", true]);
    const { request } = makeReport(central.folder);
    const other = await ask("bound", textOf(file), request);
    assert.match(other.answer ?? "", /admission\.key_not_yours/);
  });

  it("with another text is closed without a byte, and central's log names the key and the remedy", async () => {
    const { request } = makeReport(central.folder);
    assert.deepEqual(await ask(KEY_NAME, "another text", request), { closed: "" });
    const { remedy } = await logged(central, "link.key_unproven", /'site-3' was not proven/);
    assert.match(remedy, /same key under the same name and namespace/);
  });
});
