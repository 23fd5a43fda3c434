/* Equipment: thousands of connections with a script each, and an account of every byte at both of their plain ends. */
import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { createSeededRandom, type SeededRandom } from "@tautline/testing";

const MOST_BYTES = 48 * 1024;
const ID_BYTES = 4;
/** Connections that are opened side by side: a listener keeps only so many waiting. */
const AT_ONCE = 128;

/** How one end stops talking: it half-closes, closes as soon as all is out, or resets. */
type Manner = "half-close" | "close" | "reset";

/** What one end of a connection says, and how it stops. */
interface Script {
  readonly says: Buffer;
  readonly manner: Manner;
  /** Of a reset: after so many bytes. */
  readonly upTo: number;
}

/** What became of one end. */
interface Account {
  readonly heard: Buffer;
  /** Whether it was told that this was all. */
  readonly isWhole: boolean;
}

/** One connection through the forward. */
interface Wild {
  readonly scripts: readonly [program: Script, target: Script];
  program: Socket;
  target: Socket;
}

/** How many ended in which way. */
export interface WildResult {
  readonly streams: number;
  /** Both ends half-closed, so both were told the whole. */
  readonly clean: number;
  /** At least one end reset, so no whole can have come of it. */
  readonly broken: number;
  /** Ends that were told that they had heard all, and ends that were reset. */
  readonly wholeEnds: number;
  readonly resetEnds: number;
  readonly bytes: number;
}

/** A server for wild connections. */
export interface WildTarget extends AsyncDisposable {
  readonly port: number;
  /** Hands over the connection that said this number. */
  readonly arrival: (index: number) => Promise<Socket>;
}

/** Starts the server; the first four bytes of a connection say which it is. */
export async function startWildTarget(): Promise<WildTarget> {
  const arrivals = new Map<number, PromiseWithResolvers<Socket>>();
  const slot = (index: number): PromiseWithResolvers<Socket> => {
    const known = arrivals.get(index) ?? Promise.withResolvers<Socket>();
    arrivals.set(index, known);
    return known;
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const hangUp = (): void => void socket.end();
    // Who only looked whether somebody listens has no number.
    socket.on("error", () => {}).once("end", hangUp);
    socket.once("data", (first: Buffer) => {
      socket.pause().off("end", hangUp);
      assert.equal(first.length, ID_BYTES, "a connection said more than its number");
      slot(first.readUInt32BE()).resolve(socket);
    });
  });
  server.listen(0, "127.0.0.1", 4096);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    arrival: async (index) => {
      const socket = await slot(index).promise;
      arrivals.delete(index);
      return socket;
    },
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

/**
 * Opens so many connections through a forward, all of them at once, and only then lets both ends of each go through their scripts.
 *
 * @param port of the forward
 * @param target behind central
 * @param order how many, by which seed, and what happens while all are open
 * @returns what became of them; throws where a byte is missing, wrong or too many, or a part was passed off as the whole
 */
export async function runWild(
  port: number,
  target: WildTarget,
  order: {
    readonly streams: number;
    readonly seed: string;
    readonly manners?: readonly Manner[];
    readonly whenOpen?: () => Promise<void>;
  },
): Promise<WildResult> {
  const random = createSeededRandom(order.seed);
  const manners = order.manners ?? ["half-close", "half-close", "close", "reset"];
  const all: Wild[] = [];
  while (all.length < order.streams) {
    const rest = Math.min(AT_ONCE, order.streams - all.length);
    const from = all.length;
    const scripts = Array.from({ length: rest }, () => pairOf(random, manners));
    all.push(
      ...(await Promise.all(scripts.map((pair, at) => open(port, target, from + at, pair)))),
    );
  }
  await order.whenOpen?.();
  const accounts = await Promise.all(
    all.map(({ program, target: server, scripts }) =>
      Promise.all([play(program, scripts[0]), play(server, scripts[1])]),
    ),
  );
  return audit(all, accounts);
}

function pairOf(random: SeededRandom, manners: readonly Manner[]): Wild["scripts"] {
  return [script(random, manners), script(random, manners)];
}

function script(random: SeededRandom, manners: readonly Manner[]): Script {
  const says = random.randomBytes(random.integer(MOST_BYTES));
  const manner = random.pick(manners);
  return { says, manner, upTo: manner === "reset" ? random.integer(says.length + 1) : says.length };
}

async function open(
  port: number,
  target: WildTarget,
  index: number,
  scripts: Wild["scripts"],
): Promise<Wild> {
  const program = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  program.on("error", () => {});
  const id = Buffer.alloc(ID_BYTES);
  id.writeUInt32BE(index);
  program.write(id);
  const reset = once(program, "close").then(() => assert.fail(`stream ${index} was refused`));
  return { program, target: await Promise.race([target.arrival(index), reset]), scripts };
}

/** Says its part and hears the other's, until the connection is closed. */
function play(socket: Socket, { says, manner, upTo }: Script): Promise<Account> {
  const heard: Buffer[] = [];
  let isWhole = false;
  socket.on("data", (part: Buffer) => heard.push(part)).on("end", () => (isWhole = true));
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.resume();
  if (manner === "reset") socket.write(says.subarray(0, upTo), () => socket.resetAndDestroy());
  else if (manner === "close") socket.end(says, () => socket.destroy());
  else socket.end(says);
  return closed.then(() => ({ heard: Buffer.concat(heard), isWhole }));
}

function audit(
  all: readonly Wild[],
  accounts: readonly (readonly [Account, Account])[],
): WildResult {
  let [clean, broken, wholeEnds, resetEnds, bytes] = [0, 0, 0, 0, 0];
  for (const [index, ends] of accounts.entries()) {
    const { scripts } = all[index] as Wild;
    const isOrderly = scripts.every(({ manner }) => manner === "half-close");
    if (isOrderly) clean += 1;
    if (scripts.some(({ manner }) => manner === "reset")) broken += 1;
    for (const [end, { heard, isWhole }] of ends.entries()) {
      const { says, manner, upTo } = scripts[1 - end] as Script;
      const what = `stream ${index}, ${end === 0 ? "program" : "target"}, ${manner} at the other end`;
      assert.ok(
        says.subarray(0, upTo).subarray(0, heard.length).equals(heard),
        `${what}: other bytes`,
      );
      assert.ok(!isWhole || manner !== "reset", `${what}: a part was taken for the whole`);
      if (isWhole) assert.equal(heard.length, says.length, `${what}: bytes are missing`);
      assert.ok(isWhole || !isOrderly, `${what}: an orderly stream was reset`);
      if (isWhole) wholeEnds += 1;
      else resetEnds += 1;
      bytes += heard.length;
    }
  }
  return { streams: all.length, clean, broken, wholeEnds, resetEnds, bytes };
}
