import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchProcess, withTempFolder } from "@tautline/testing";
import { describeCentral, launchCentral } from "../running-central.ts";
import { allow, dial, endOf, launchForwarding, statusOf, streamsOf } from "../running-forwards.ts";
import { until } from "../until.ts";
import { makeOtherHost, type OtherHost } from "./two-networks.ts";

/** Says what it is told, and how its connections end. */
const TARGET = `
  const net = require("node:net");
  const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", (error) => tell("reset", { code: error.code }));
    socket.on("end", () => tell("ended"));
    socket.on("data", (part) => socket.write(part));
  });
  server.listen(0, "127.0.0.1", () => tell("ready", { port: server.address().port }));
`;

describe("a network that swallows everything between an agent and central", () => {
  it("F4: ends streams with a reason at both ends, whether something is under way or not, and a part is never taken for the whole", async (t) => {
    const other = makeOtherHost();
    if (typeof other === "string") {
      t.skip(other);
      return;
    }
    using host = other;
    await withTempFolder((folder) => partition(host, folder));
  });
});

async function partition(host: OtherHost, folder: string): Promise<void> {
  const dataDir = join(folder, "central");
  const where = { host: host.address, within: host.words };
  await using process = launchCentral(dataDir, undefined, where);
  const central = await describeCentral(process, dataDir, folder);
  const [command, ...words] = host.words;
  const args = [...words, globalThis.process.execPath, "-e", TARGET];
  await using target = launchProcess({ command, args });
  const { port } = await target.waitForEvent(({ event }) => event === "ready");
  await allow(central, "echo", Number(port));
  await using agent = await launchForwarding(central, "mtls", ["echo"], { host: host.address });
  const programs = [await dial(agent.port("echo")), await dial(agent.port("echo"))];
  for (const program of programs) {
    const answered = new Promise((resolve) => program.once("data", resolve));
    program.write("hello");
    await answered;
  }
  assert.equal((await streamsOf(central)).length, 2);

  host.cut();
  const ends = programs.map(endOf);
  // One of the two has something under way, which the system would send again for a quarter of an hour.
  programs[0]?.write("swallowed");
  assert.deepEqual(await Promise.all(ends), ["reset", "reset"]);
  for (const _ of programs) {
    const { event, code } = await target.waitForEvent((told) => told["event"] !== "ready");
    assert.deepEqual([event, code], ["reset", "ECONNRESET"]);
  }
  await until(async () => ((await streamsOf(central)).length === 0 ? true : undefined));
  assert.match(process.stderr, /"code":"forward\.silent"/);
  const { forwards, errors } = await statusOf(agent);
  assert.deepEqual([forwards[0]?.open, forwards[0]?.cut], [0, 2]);
  assert.ok(errors.some(({ code }) => code === "forward.silent"));
}
