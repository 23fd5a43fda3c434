import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createKeyPair, exportPrivateKey } from "@tautline/pki";
import { createTestAuthority } from "@tautline/testing";
import { freePort } from "./free-port.ts";
import type { NatsOrder } from "./nats-connections.ts";

/** A nats-server with mutual TLS on loopback. */
export interface BenchNats extends AsyncDisposable {
  readonly pid: number;
  /** What a client needs. */
  readonly client: Omit<NatsOrder, "connections">;
}

/**
 * Starts nats-server (Debian's package of that name), with client certificates demanded, keys and chains of the same kinds as ours.
 *
 * @param folder for its files
 * @returns undefined where it is not installed
 */
export async function startNats(folder: string): Promise<BenchNats | undefined> {
  if (spawnSync("nats-server", ["--version"]).error !== undefined) return undefined;
  const authority = createTestAuthority();
  const { privateKey, publicKey } = createKeyPair("p256");
  const agentId = "0190a000-0000-7000-8000-000000000001";
  const leaf = { namespace: "default", agentId, publicKey, purpose: "client" as const };
  const chainPem = authority.issueAgentLeaf(leaf);
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const port = await freePort();
  const flags = {
    "--addr": "127.0.0.1",
    "--port": String(port),
    "--tlscert": file("nats.crt", authority.central.chainPem),
    "--tlskey": file("nats.key", authority.central.keyPem),
    "--tlscacert": file("nats.ca", authority.rootPem),
  };
  const child = spawn("nats-server", ["--tlsverify", ...Object.entries(flags).flat()], {
    stdio: "ignore",
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  // Its listener is up in a few milliseconds; a client that comes too soon fails loudly.
  await wait(500);
  return {
    pid: child.pid ?? 0,
    client: { port, keyPem: exportPrivateKey(privateKey), chainPem, rootsPem: authority.rootPem },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
