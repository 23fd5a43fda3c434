import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createFakeClock, listenOnAnyPort, withTempFolder } from "@tautline/testing";
import { described, messageOf } from "./control/fixture-messages.test.ts";
import {
  admin,
  joinOver,
  newToken,
  openControl,
  startOn,
  withCentral,
} from "./fixture-central.test.ts";
import { modeOf, refusalOf, snapshotOf } from "./fixture-checks.test.ts";
import { linkRowOf } from "./fleet/fixture-link-row.test.ts";
import { openStore } from "./store/store.ts";

interface Items<Item> {
  readonly items: readonly Item[];
}

const actionsOf = async (central: { readonly dataDir: string }): Promise<string[]> => {
  const { items } = await admin<Items<{ action: string }>>(central, "GET", "/api/v1/audit");
  return items.map(({ action }) => action);
};

describe("startCentral", () => {
  it("comes up on an empty folder, tells where it is, and goes down leaving no socket and no lock", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const test = await startOn(dataDir);
      const status = await admin<Record<string, unknown>>(test, "GET", "/api/v1/status");
      assert.equal(status["agents"], `127.0.0.1:${test.agentsPort}`);
      assert.equal(status["console"], `127.0.0.1:${test.consolePort}`);
      assert.equal(status["trustDomain"], "fleet.test");
      assert.deepEqual(status["counts"], { agents: 0, links: 0, tokens: 0 });
      await test.central.stop();
      await test.central.stop();
      assert.deepEqual(readdirSync(dataDir).toSorted(), ["central.db", "vault.key"]);
      await (await startOn(dataDir)).central.stop();
    }));

  it("A14: makes nothing that another user could open, whatever the umask", () =>
    withTempFolder(async (folder) => {
      const umask = process.umask(0);
      try {
        const dataDir = join(folder, "data");
        const test = await startOn(dataDir);
        assert.equal(modeOf(dataDir), "700");
        for (const name of readdirSync(dataDir)) {
          assert.equal(modeOf(join(dataDir, name)), "600", name);
        }
        assert.ok(statSync(join(dataDir, "admin.sock")).isSocket());
        await test.central.stop();
      } finally {
        process.umask(umask);
      }
    }));

  it("keeps everything over a restart: fleet, tokens, settings, trail, and its own authority", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const clock = createFakeClock();
      const first = await startOn(dataDir, { clock });
      const agent = await joinOver(first, { name: "web-1" });
      const link = await openControl(first, agent);
      link.send(messageOf(agent.id, 0, described({ role: "web" })));
      await link.next();
      await newToken(first, { uses: 3 });
      await admin(first, "PUT", "/api/v1/settings", { key: "agents.logLevel", value: "warn" });
      await admin(first, "POST", "/api/v1/namespaces", { name: "plant" });
      const { rootPin } = await admin<{ rootPin: string }>(first, "GET", "/api/v1/status");
      const before = await actionsOf(first);
      await first.central.stop();
      await link.closed;
      const second = await startOn(dataDir, { clock });
      const after = await admin<{ rootPin: string; counts: unknown }>(
        second,
        "GET",
        "/api/v1/status",
      );
      assert.equal(after.rootPin, rootPin);
      assert.deepEqual(after.counts, { agents: 1, links: 0, tokens: 1 });
      const page = await admin<{ attributes: Record<string, string> }>(
        second,
        "GET",
        `/api/v1/agents/${agent.id}`,
      );
      assert.equal(page.attributes["role"], "web");
      assert.deepEqual((await actionsOf(second)).slice(before.length), [
        "central.stopped",
        "central.started",
      ]);
      const verdict = await admin<{ ok: boolean }>(second, "GET", "/api/v1/audit/verify");
      assert.equal(verdict.ok, true);
      // The identity of before still opens a link, and it is offered the settings of before.
      const again = await openControl(second, agent);
      again.send(messageOf(agent.id, 0, described()));
      assert.ok((await again.next()).remoteConfig !== undefined);
      await second.central.stop();
    }));

  it("takes from the list what a killed run left on it", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const first = await startOn(dataDir);
      const agent = await joinOver(first);
      const link = await openControl(first, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      const row = await admin<Items<{ id: string }>>(first, "GET", "/api/v1/links");
      assert.equal(row.items.length, 1);
      await first.central.stop();
      // As a kill would leave it: the row stands, the link does not.
      const store = await openStore(join(dataDir, "central.db"));
      await store.write(async (trx) => {
        const { value } = await trx
          .selectFrom("meta")
          .select("value")
          .where("key", "=", "central_id")
          .executeTakeFirstOrThrow();
        await trx.insertInto("links").values(linkRowOf(agent.id, value)).execute();
      });
      await store.close();
      const second = await startOn(dataDir);
      const { items } = await admin<Items<unknown>>(second, "GET", "/api/v1/links");
      assert.deepEqual(items, []);
      // The history still knows what the killed one last saw.
      const history = await admin<Items<{ lastAddress: string; links: number }>>(
        second,
        "GET",
        `/api/v1/links/history?agent=${agent.id}`,
      );
      assert.deepEqual(
        history.items.map(({ lastAddress, links }) => [lastAddress, links]),
        [
          ["127.0.0.1", 1],
          ["192.0.2.1", 0],
        ],
      );
      await second.central.stop();
    }));

  it("starts with the same passphrase again and with no other; nothing is changed by trying", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await (await startOn(dataDir, { passphrase: "right" })).central.stop();
      assert.equal(existsSync(join(dataDir, "vault.key")), false);
      const before = snapshotOf(dataDir);
      for (const [options, code] of [
        [{ passphrase: "wrong" }, "vault.open_failed"],
        [{}, "vault.source_absent"],
      ] as const) {
        const refusal = await refusalOf(startOn(dataDir, options), code);
        assert.equal(refusal.exitCode, 4);
        assert.deepEqual(snapshotOf(dataDir), before);
      }
      await (await startOn(dataDir, { passphrase: "right" })).central.stop();
    }));
});

describe("a running central", () => {
  it("writes by itself, within seconds, when it heard of an agent, and over what", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      const path = `/api/v1/agents/${agent.id}`;
      const page = () => admin<{ lastSeenAt: string | null; level: string }>(test, "GET", path);
      let seen = await page();
      while (seen.lastSeenAt === null) seen = await page();
      assert.equal(Date.parse(seen.lastSeenAt), test.clock.now());
      assert.equal(seen.level, "mtls");
    }));

  it("logs its start, its links as they come and go, and no secret", () =>
    withCentral(async (test) => {
      const token = await newToken(test);
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      const text = JSON.stringify(test.lines);
      assert.match(text, new RegExp(agent.id));
      for (const form of ["hex", "base64", "base64url"] as const) {
        assert.equal(text.includes(Buffer.from(token.secret).toString(form)), false);
      }
      assert.doesNotMatch(text, /PRIVATE KEY|Bearer/);
    }));
});

describe("startCentral refuses", () => {
  it("a folder whose database was lost, rather than become a central that no agent knows", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await (await startOn(dataDir)).central.stop();
      rmSync(join(dataDir, "central.db"));
      const before = snapshotOf(dataDir);
      await refusalOf(startOn(dataDir), "central.database_missing");
      assert.deepEqual(snapshotOf(dataDir), before);
    }));

  it("a database cut to nothing", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await (await startOn(dataDir)).central.stop();
      writeFileSync(join(dataDir, "central.db"), "");
      await refusalOf(startOn(dataDir), "store.damaged");
    }));

  it("a lost key file, with exit code 4, changing nothing", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await (await startOn(dataDir)).central.stop();
      rmSync(join(dataDir, "vault.key"));
      const before = snapshotOf(dataDir);
      assert.equal((await refusalOf(startOn(dataDir), "vault.source_absent")).exitCode, 4);
      assert.deepEqual(snapshotOf(dataDir), before);
    }));

  it("another trust domain than the folder was made for", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await (await startOn(dataDir)).central.stop();
      const before = snapshotOf(dataDir);
      const change = { change: (config: object) => ({ ...config, trustDomain: "other.test" }) };
      const refusal = await refusalOf(
        startOn(dataDir, change as never),
        "central.trust_domain_fixed",
      );
      assert.match(refusal.message, /'other\.test'.*'fleet\.test'/);
      assert.deepEqual(snapshotOf(dataDir), before);
    }));

  it("a folder on which another central runs, without disturbing it", () =>
    withCentral(async (test) => {
      await refusalOf(startOn(test.dataDir), "store.locked");
      await admin(test, "GET", "/api/v1/status");
    }));

  it("a port that is taken or cannot be, naming the flag, and lets go of the folder", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const taken = await listenOnAnyPort(createServer());
      for (const listener of ["agents", "console"] as const) {
        for (const [place, code] of [
          [{ port: taken.port }, "central.address_in_use"],
          [{ host: "192.0.2.1" }, "central.cannot_listen"],
        ] as const) {
          const work = startOn(dataDir, {
            change: (config) => ({ ...config, [listener]: { ...config[listener], ...place } }),
          });
          const refusal = await refusalOf(work, code);
          assert.match(
            refusal.message,
            new RegExp(`^The ${listener}' ?s? ?port`.replace(" ?s?", "s?")),
          );
          assert.match(refusal.remedy, new RegExp(`--${listener}-port`));
        }
      }
      await taken.close();
      await (await startOn(dataDir)).central.stop();
    }));

  it("a data folder whose path is too long for a socket", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "x".repeat(100));
      const refusal = await refusalOf(startOn(dataDir), "central.admin_socket_failed");
      assert.match(refusal.message, /too long/);
    }));
});

describe("Central.stop", () => {
  it("tells live agents why before it closes their links, and answers who dials then", () =>
    withTempFolder(async (folder) => {
      const test = await startOn(join(folder, "data"));
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      const stopped = test.central.stop();
      const farewell = await link.next();
      assert.match(farewell.errorResponse?.errorMessage ?? "", /^central\.stopping: /);
      assert.deepEqual(await link.closed, { code: 1001, reason: "central.stopping" });
      await stopped;
    }));

  it("ends although a peer never closes its end", () =>
    withTempFolder(async (folder) => {
      const test = await startOn(join(folder, "data"));
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      link.socket.pause();
      await test.central.stop();
      link.socket.terminate();
    }));

  it("finishes what an operator has begun to ask for", () =>
    withTempFolder(async (folder) => {
      const test = await startOn(join(folder, "data"));
      const begun = request({
        socketPath: join(test.dataDir, "admin.sock"),
        method: "POST",
        path: "/api/v1/tokens",
        headers: { "content-type": "application/json", expect: "100-continue" },
      });
      const answered = once(begun, "response") as Promise<[IncomingMessage]>;
      begun.flushHeaders();
      // Node's server says "continue" when it has taken the request on.
      await once(begun, "continue");
      const stopped = test.central.stop();
      begun.end("{}");
      const [answer] = await answered;
      assert.equal(answer.statusCode, 201);
      answer.resume();
      await stopped;
    }));
});
