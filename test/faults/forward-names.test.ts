import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchProcess, withTempFolder } from "@tautline/testing";
import { describeCentral, launchCentral } from "../running-central.ts";
import { allow, dial, endOf, launchForwarding, statusOf } from "../running-forwards.ts";
import { until } from "../until.ts";
import { untilRefused } from "./every-level.ts";
import { makeOtherHost, type OtherHost } from "./two-networks.ts";
import { startTurningNames } from "./turning-names.ts";

const METADATA = "169.254.169.254";

/** Listens at every address of central's host, and tells of whoever gets there. */
const TRAP = `
  const [port] = process.argv.slice(1);
  const tell = (event) => console.log(JSON.stringify({ event }));
  const server = require("node:net").createServer((socket) => { tell("trapped"); socket.destroy(); });
  server.listen(Number(port), "0.0.0.0", () => tell("ready"));
`;

describe("names that mean something else when they are asked for again", () => {
  it("A15: central connects to the address that it judged, and refuses a name once it leads to metadata, loopback or central itself, which both ends say", async (t) => {
    const other = makeOtherHost();
    if (typeof other === "string") return t.skip(other);
    using host = other;
    await withTempFolder((folder) => turn(host, folder));
  });
});

async function turn(host: OtherHost, folder: string): Promise<void> {
  const [command, ...words] = host.words;
  const place = launchProcess({
    command,
    args: [...words, "ip", "addr", "add", METADATA, "dev", "lo"],
  });
  assert.equal((await place.exited).code, 0, place.stderr);
  const meant = createServer((socket) => void socket.on("error", () => {}).end("the judged one"));
  meant.listen(0, host.here);
  await once(meant, "listening");
  const { port } = meant.address() as AddressInfo;
  const args = [...words, globalThis.process.execPath, "-e", TRAP, String(port)];
  await using trap = launchProcess({ command, args });
  await trap.waitForEvent(({ event }) => event === "ready");
  await using names = await startTurningNames(host, folder, {
    "turns.test": [host.here, METADATA, "127.0.0.1", host.address],
    "own.test": [host.address],
  });
  const dataDir = join(folder, "central");
  const where = { host: host.address, within: names.words };
  await using process = launchCentral(dataDir, undefined, where);
  const central = await describeCentral(process, dataDir, folder);
  await allow(central, "turns", port, { host: "turns.test" });
  await allow(central, "own", central.agentsPort, { host: "own.test" });
  await using agent = await launchForwarding(central, "mtls", ["turns", "own"], {
    host: host.address,
  });

  const program = await dial(agent.port("turns"));
  assert.equal(String((await once(program, "data"))[0]), "the judged one");
  program.end();
  assert.deepEqual(names.answered("turns.test"), [host.here]);
  meant.close();

  const refused = [
    ["turns", "a link-local address"],
    ["turns", "a loopback address of central's host"],
    ["own", "a port of central itself"],
  ] as const;
  for (const [at, [name, reason]] of refused.entries()) {
    assert.equal(await endOf(await dial(agent.port(name))), "reset");
    await until(async () => {
      const { errors } = await statusOf(agent);
      return JSON.stringify(errors).includes(`its target is at ${reason}`) ? true : undefined;
    });
    await untilRefused(central, "forward.target_forbidden", at + 1);
  }
  // One caller's refusals of one kind are written down once a while, and counted all.
  assert.match(central.process.stderr, /forward\.target_forbidden.*its target is at a link-local/);
  assert.deepEqual(names.answered("turns.test"), [host.here, METADATA, "127.0.0.1"]);
  assert.deepEqual(names.answered("own.test"), [host.address]);
  assert.ok(!trap.stdout.includes("trapped"), "somebody was led to a place that is refused");
}
