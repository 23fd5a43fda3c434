import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { callAdmin } from "./admin-call.ts";
import type { Benchmark, BenchContext } from "./benchmark.ts";
import { startCentral, type BenchCentral } from "./central.ts";
import { joinAll, startSwarmWorker } from "./swarm.ts";

const RUNS = 5;
const ENTRIES = 10_000;
const LOOK_EVERY_MS = 20;

interface Items<Item> {
  readonly items: readonly Item[];
}
interface Authority {
  readonly id: string;
  readonly kind: string;
  readonly crl: { readonly number: number; readonly entries: number; readonly bytes: number };
}
interface Delay {
  readonly p99Ms: number;
  readonly maxMs: number;
}
interface Rebuild extends Delay {
  readonly tookMs: number;
}

/** How late central's event loop runs while a revocation list of 10,000 entries is made anew: all encoded again, and one more. */
export const crl: Benchmark = async (context) => {
  const serials = await fill(context);
  const [cold, warm]: [Rebuild[], Rebuild[]] = [[], []];
  let bytes = 0;
  for (let run = 0; run < RUNS; run += 1) {
    // Begun anew: the list of before is taken over as it is, so the next one encodes every entry.
    await using central = await startCentral(context, dataDirOf(context));
    for (const into of [cold, warm]) into.push(await rebuild(central, serials.pop() ?? ""));
    ({ bytes } = (await agentsAuthority(central)).crl);
    await central.stop();
  }
  const about = `${ENTRIES} entries, ${bytes} bytes, each with a reason`;
  return [
    ...rowsOf("every entry encoded", cold, about),
    ...rowsOf("one entry more, the others kept", warm, about),
  ];
};

function rowsOf(what: string, runs: readonly Rebuild[], note: string) {
  return [
    {
      what: `event loop p99 delay, ${what}`,
      unit: "ms",
      values: runs.map((run) => run.p99Ms),
      note,
    },
    { what: `the longest delay, ${what}`, unit: "ms", values: runs.map((run) => run.maxMs) },
    {
      what: `from 'revoke' to the new list, ${what}`,
      unit: "ms",
      values: runs.map((run) => run.tookMs),
    },
  ];
}

const dataDirOf = ({ folder }: BenchContext): string => join(folder, "central");

/** Makes a central with so many revoked certificates, and gives the serials of some that are not. */
async function fill(context: BenchContext): Promise<string[]> {
  await using central = await startCentral(context, dataDirOf(context));
  await using swarm = startSwarmWorker(context);
  await joinAll(swarm, central, { agents: RUNS, intervalMs: null });
  const { items } = await callAdmin<Items<{ serial: string; agent: string | null }>>(
    central,
    "GET",
    "/api/v1/certificates",
  );
  const { id } = await agentsAuthority(central);
  await swarm.stop();
  await central.stop();
  const database = new DatabaseSync(join(dataDirOf(context), "central.db"));
  const insert = database.prepare(
    `INSERT INTO certificates (serial, issuer_id, purpose, name, pin, pem, not_before, not_after, revoked_at, revoked_reason)
     VALUES (?, ?, 'client', 'spiffe://default.tautline.internal/agent/none', ?, '', ?, ?, ?, 'privilegeWithdrawn')`,
  );
  const now = Date.now();
  database.exec("BEGIN");
  for (let entry = 0; entry < ENTRIES; entry += 1) {
    const serial = `4${randomBytes(16).toString("hex").slice(1)}`;
    insert.run(serial, id, serial, now, now + 86_400_000, now);
  }
  database.exec("COMMIT");
  database.close();
  // Makes the first list of them all.
  await using again = await startCentral(context, dataDirOf(context));
  const { entries } = (await agentsAuthority(again)).crl;
  if (entries !== ENTRIES) throw new Error(`the list has ${entries} entries`);
  await again.stop();
  return items.filter(({ agent }) => agent !== null).map(({ serial }) => serial);
}

async function agentsAuthority(central: BenchCentral): Promise<Authority> {
  const { items } = await callAdmin<Items<Authority>>(central, "GET", "/api/v1/authorities");
  const found = items.find(({ kind }) => kind === "agents");
  if (found === undefined) throw new Error("there is no authority for agents");
  return found;
}

async function rebuild(central: BenchCentral, serial: string): Promise<Rebuild> {
  const before = (await agentsAuthority(central)).crl.number;
  await central.worker.ask("watch");
  const began = performance.now();
  await callAdmin(central, "POST", `/api/v1/certificates/${serial}/revoke`, {
    reason: "superseded",
  });
  while ((await agentsAuthority(central)).crl.number === before) await wait(LOOK_EVERY_MS);
  const tookMs = performance.now() - began;
  return { ...(await central.worker.ask<Delay>("delay")), tookMs };
}
