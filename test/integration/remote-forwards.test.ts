import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline } from "@tautline/testing";
import { type Items, withCentral } from "../running-central.ts";
import {
  allow,
  dial,
  endOf,
  type ForwardingStatus,
  freePort,
  joinAt,
  statusOf,
} from "../running-forwards.ts";
import { until } from "../until.ts";

interface Status extends ForwardingStatus {
  readonly settings: { readonly values: { readonly heartbeatSeconds: number } };
}

interface Entry {
  readonly action: string;
}

describe("forwards that central sets on its agents", () => {
  it("DESIGN Control: a host takes those that its own list allows, live, shows whose they are, and refuses the rest; both trails have it", () =>
    withCentral(async (central) => {
      const server = createServer(
        (socket) => void socket.on("error", () => {}).write("the target"),
      ).unref();
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      await allow(central, "db", (server.address() as AddressInfo).port);
      const [port, other] = [await freePort(), await freePort()];
      const data = join(central.folder, "agent");
      await joinAt(central, data, "mtls");
      const rule = `{ listen: "127.0.0.1:${port}", names: [db] }`;
      writeFileSync(join(data, "agent.yaml"), `remoteForwards: [${rule}]\n`);
      await using agent = launchTautline(["agent", "run", "--json", "--data", data]);
      await agent.waitForEvent(({ event }) => event === "connected");
      const status = (): Promise<Status> => statusOf({ data }) as Promise<Status>;
      const set = (name: string, at: number): Promise<unknown> =>
        central.call("PUT", "/api/v1/settings", {
          key: `agents.forwards.${name}`,
          value: `127.0.0.1:${at}`,
        });

      await set("db", port);
      const program = await dial(port);
      assert.equal(String((await once(program, "data"))[0]), "the target");
      const [listed] = (await status()).forwards;
      assert.deepEqual(
        [listed?.name, listed?.origin, listed?.listen, listed?.open],
        ["db", "central", `127.0.0.1:${port}`, 1],
      );

      // Settings are carried out whole or not at all: with a forward that the host does not list, nothing of them is.
      await central.call("PUT", "/api/v1/settings", { key: "agents.heartbeatSeconds", value: "7" });
      await until(async () =>
        (await status()).settings.values.heartbeatSeconds === 7 ? true : undefined,
      );
      await set("web", other);
      await until(async () => {
        const { errors } = await status();
        return errors.some(({ code }) => code === "agent.forward_not_listed") ? true : undefined;
      });
      assert.deepEqual(
        (await status()).forwards.map(({ name, open }) => [name, open]),
        [["db", 1]],
      );
      const refusal = await until(async () =>
        (await central.call<Items<Entry>>("GET", "/api/v1/audit?limit=1000")).items.find(
          ({ action }) => action === "instruction.refused",
        ),
      );
      assert.match(JSON.stringify(refusal), /agent\.forward_not_listed/);
      const trail = readFileSync(join(data, "audit.jsonl"), "utf8");
      assert.match(trail, new RegExp(`instruction.accepted.*db at 127\\.0\\.0\\.1:${port}`));
      assert.match(trail, /agent\.forward_not_listed.*forward 'web' at/);

      await central.call("DELETE", "/api/v1/settings?key=agents.forwards.web");
      const end = endOf(program);
      await central.call("DELETE", "/api/v1/settings?key=agents.forwards.db");
      assert.equal(await end, "reset");
      await until(async () => ((await status()).forwards.length === 0 ? true : undefined));
      // Central's side has ended by then, or ends now.
      await until(async () =>
        central.process.stderr.includes("agent.forward_withdrawn") ? true : undefined,
      );
      server.close();
      await agent.kill("SIGTERM");
    }));

  it("a host that has narrowed its list since opens no more than that when it starts again, and says so", () =>
    withCentral(async (central) => {
      const port = await freePort();
      const data = join(central.folder, "agent");
      await joinAt(central, data, "mtls");
      const key = "agents.forwards.db";
      await central.call("PUT", "/api/v1/settings", { key, value: `127.0.0.1:${port}` });
      const listed = `[{ listen: "127.0.0.1:${port}", names: ["*"] }]`;
      for (const [list, expected] of [
        [listed, ["db"]],
        ["[]", []],
      ] as const) {
        writeFileSync(join(data, "agent.yaml"), `remoteForwards: ${list}\n`);
        await using agent = launchTautline(["agent", "run", "--json", "--data", data]);
        await agent.waitForEvent(({ event }) => event === "connected");
        await until(async () => {
          const { forwards, errors } = await statusOf({ data });
          const isTold = errors.some(({ code }) => code === "agent.forward_not_listed");
          assert.equal(isTold, list === "[]");
          const listening = forwards.flatMap((one) => (one.listening ? [one.name] : []));
          return listening.join() === expected.join() ? true : undefined;
        });
        await agent.kill("SIGTERM");
      }
    }));
});
