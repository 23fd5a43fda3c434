import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Level, LEVELS } from "@tautline/protocol";
import { type LaunchedProcess, withTempFolder } from "@tautline/testing";
import type { Dial, Opening } from "../level-relay.ts";
import {
  acceptOnly,
  bindKey,
  hasJoined,
  joinAt,
  launchMatrixAgent,
  launchMatrixCentral,
  type MatrixAgent,
  readRefusals,
} from "../matrix-stage.ts";
import { describeCentral, type Items, type RunningCentral } from "../running-central.ts";
import { until } from "../until.ts";

type Row = Readonly<Record<string, unknown>>;
type Order = "central first" | "agent first";

/** One meeting of an agent at one level with a central that accepts one. */
interface Cell {
  readonly agent: Level;
  readonly accepted: Level;
  readonly order: Order;
  readonly host: string;
}

const ORDERS: readonly Order[] = ["central first", "agent first"];
const FAMILIES = ["127.0.0.1", "::1"];

/** All pairs, each in both orders, and over both families of addresses; which order has which alternates. */
const MATRIX: readonly Cell[] = LEVELS.flatMap((accepted, y) =>
  LEVELS.flatMap((agent, x) =>
    ORDERS.map((order, z) => ({ agent, accepted, order, host: FAMILIES[(x + y + z) % 2] ?? "" })),
  ),
);

/** One end off and the other basic is refused: `require` is the product's reading of that cell. Proof is never too much. */
const comesIn = ({ agent, accepted }: Cell): boolean =>
  agent === accepted || (agent === "mtls" && accepted === "tls");

const HAS_KEY: ReadonlySet<Level> = new Set(["basic", "advanced"]);

const OPENINGS: Readonly<Record<Level, Opening>> = {
  plaintext: "plaintext",
  basic: "basic",
  advanced: "tls",
  tls: "tls",
  mtls: "tls",
};

const TLS13 = { protocol: "TLSv1.3", group: "X25519MLKEM768", pq: true, forwardSecret: true };
const NOISE = { protocol: "Noise_NNpsk0_25519_AESGCM_SHA256", group: "X25519", pq: false };
/** What a link of each level has negotiated, by central's own proof. */
const NEGOTIATED: Readonly<Record<Level, Row>> = {
  plaintext: { protocol: null, cipher: null, group: null, pq: false, forwardSecret: false },
  basic: { ...NOISE, cipher: "AES-256-GCM", forwardSecret: true },
  advanced: { ...TLS13, cipher: "TLS_AES_128_GCM_SHA256" },
  tls: { ...TLS13, cipher: "TLS_AES_256_GCM_SHA384" },
  mtls: { ...TLS13, cipher: "TLS_AES_256_GCM_SHA384" },
};

/** Refused by an alert, which has no room for levels: TLS with a key, and any TLS at the port of plaintext. */
const isNameless = (level: Level, accepted: Level): boolean =>
  OPENINGS[level] === "tls" && (level === "advanced" || accepted === "plaintext");
const CLOSED = "admission.level_not_accepted";
const SECURE_SETTING = /agents\.levels|listeners set agents --levels/;

const portFor = (central: RunningCentral, accepted: Level): number =>
  (accepted === "plaintext" ? central.plaintextPort : central.agentsPort) ?? 0;

const list = async (central: RunningCentral, what: string): Promise<readonly Row[]> =>
  (await central.call<Items<Row>>("GET", `/api/v1/${what}`)).items;

const logOf = ({ stderr }: LaunchedProcess): readonly Row[] =>
  stderr
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Row);

describe("OV-20: every pair of levels, by what both ends say", { concurrency: 2 }, () => {
  for (const accepted of LEVELS) {
    it(`central accepts ${accepted}: the same level comes in, every other is refused with the setting to change`, (t) =>
      withTempFolder(async (folder) => {
        const cells = (order: Order): readonly Cell[] =>
          MATRIX.filter((cell) => cell.accepted === accepted && cell.order === order);
        {
          await using process = launchMatrixCentral(folder, accepted);
          const central = await describeCentral(process, join(folder, "central"), folder);
          for (const level of LEVELS.filter(hasJoined)) await joinAt(central, level);
          await acceptOnly(central, accepted);
          await meet(cells("central first"), { key: "legacy", signal: t.signal }, folder, () =>
            Promise.resolve(central),
          );
          const known = (await list(central, "agents")).find(({ name }) => name === accepted);
          if (HAS_KEY.has(accepted)) await bindKey(central, String(known?.["id"]));
          await process.kill("SIGTERM");
        }
        await using late = new AsyncDisposableStack();
        const key = HAS_KEY.has(accepted) ? "bound" : "legacy";
        await meet(cells("agent first"), { key, signal: t.signal }, folder, () => {
          const process = late.use(launchMatrixCentral(folder, accepted));
          return describeCentral(process, join(folder, "central"), folder);
        });
      }));
  }
});

/** Starts the agents of some cells, then central where it is not there yet, and hears what both ends say. */
async function meet(
  cells: readonly Cell[],
  how: { readonly key: string; readonly signal: AbortSignal },
  folder: string,
  startCentral: () => Promise<RunningCentral>,
): Promise<void> {
  await using agents = new AsyncDisposableStack();
  const met = await Promise.all(
    cells.map(async (cell) => {
      const key = comesIn(cell) ? how.key : "legacy";
      const dial = { level: cell.agent, host: cell.host, key };
      return { cell, key, agent: agents.use(await launchMatrixAgent(folder, dial)) };
    }),
  );
  const [first] = cells;
  if (first === undefined) throw new Error("no cells");
  const { order, accepted } = first;
  if (order === "agent first") {
    await until(
      () => Promise.resolve(met.every(({ agent }) => agent.relay.early > 0) || undefined),
      how.signal,
    );
  }
  const central = await startCentral();
  for (const { agent } of met) agent.relay.lead(portFor(central, accepted));
  await Promise.all(
    met.map(({ cell, key, agent }) =>
      comesIn(cell)
        ? checkLinked(cell, agent, central, key)
        : checkRefused(cell, agent, central, how.signal),
    ),
  );
}

/** What both ends say of a link that came about: they say the same, and what was really negotiated. */
async function checkLinked(
  { agent: level, accepted }: Cell,
  { process, relay }: MatrixAgent,
  central: RunningCentral,
  key: string,
): Promise<void> {
  const negotiated = NEGOTIATED[level];
  const line = await process.waitForEvent(({ event }) => event === "connected");
  assert.deepEqual([line["level"], line["group"]], [level, negotiated["group"]]);
  const id = String(line["id"]);
  const [link, ...more] = await list(central, `links?agent=${id}`);
  assert.deepEqual(more, []);
  const isBound = key === "bound";
  const isProven = hasJoined(level) || isBound;
  const expected: Row = {
    ...negotiated,
    level,
    verdict: "accepted",
    serverProven: isProven,
    clientProven: isProven,
    keyId: HAS_KEY.has(level) ? `${key}#1` : null,
    peerId: hasJoined(level) ? `spiffe://default.tautline.internal/agent/${id}` : null,
  };
  const shown = Object.fromEntries(Object.keys(expected).map((name) => [name, link?.[name]]));
  assert.deepEqual(shown, expected, `${level} at ${accepted}`);
  assert.equal(typeof link?.["peerSerial"] === "string", hasJoined(level));
  const row = (await list(central, "agents")).find((each) => each["id"] === id);
  const state = hasJoined(level) ? "active" : isBound ? "keyed" : "unproven";
  assert.deepEqual([row?.["state"], row?.["level"]], [state, level]);
  assert.deepEqual(new Set(relay.dials.map(({ opening }) => opening)), new Set([OPENINGS[level]]));
}

/** What both ends say of a link that was refused, that nothing lower was tried, and that nobody was made by it. */
async function checkRefused(
  { agent: level, accepted }: Cell,
  { process, relay }: MatrixAgent,
  central: RunningCentral,
  signal: AbortSignal,
): Promise<void> {
  const found = await Promise.race([
    until(async () => {
      const errors = logOf(process).map(({ err }) => err as Row | undefined);
      const refusal = errors.find((error) => error?.["code"] === "agent.level_refused");
      return relay.dials.length > 1 ? refusal : undefined;
    }, signal),
    process.exited.then(() => assert.fail(process.stderr)),
  ]);
  const cell = `${level} at ${accepted}: ${JSON.stringify(found)}`;
  const said = `${String(found["message"])} ${String(found["remedy"])}`;
  // OVP-1: what each end offers, and the setting to change at each end.
  assert.match(said, new RegExp(`This agent .*offers ${level}|The agent .*offers ${level}`), cell);
  assert.match(said, /central\.level/, cell);
  assert.match(
    said,
    level === "plaintext" ? /plaintext\.bind|plaintext --bind/ : SECURE_SETTING,
    cell,
  );
  if (isNameless(level, accepted)) assert.match(said, /insufficient_security.*doctor --to/, cell);
  else assert.match(said, new RegExp(`central (?:\\(.*\\) )?offers [a-z, ]*${accepted}`), cell);
  assert.equal(process.stdout, "", cell);
  assert.deepEqual(new Set(relay.dials.map(({ opening }) => opening)), new Set([OPENINGS[level]]));
  // Without a handshake, which is not begun where only plaintext is spoken, nobody knows that a certificate would come.
  const seen = level === "mtls" && accepted === "plaintext" ? "tls" : level;
  checkLog(cell, seen, relay.dials, logOf(central.process));
  const refusals = await readRefusals(central);
  assert.ok((refusals.get("link.level_closed") ?? 0) + (refusals.get(CLOSED) ?? 0) > 0, cell);
  const rows = (await list(central, "agents")).filter(({ name }) => name === level);
  assert.equal(rows.length, hasJoined(level) ? 1 : 0, cell);
  const links = await list(central, "links");
  assert.ok(!links.some(({ agent }) => agent === rows[0]?.["id"]), cell);
}

/** At central each call stands in the log with the level it came at and what both ends offer, and no call at another one. */
function checkLog(cell: string, level: Level, dials: readonly Dial[], log: readonly Row[]): void {
  const places = new Set(dials.map(({ from }) => from));
  const own = log.filter(({ from }) => places.has(String(from)));
  for (const { msg } of own)
    assert.match(String(msg), new RegExp(`called at the level ${level}:`), cell);
  const text = new RegExp(`level ${level} here.*agent offers ${level}, central offers`);
  assert.ok(
    log.some(({ msg }) => text.test(String(msg))),
    cell,
  );
}
