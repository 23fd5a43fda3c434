import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { launchProcess, type LaunchedProcess } from "@tautline/testing";
import { NO_BYTES, readWire, type WireCounts, type WireReader } from "./wire-kinds.ts";

const FIELDS = [
  "frame.time_epoch",
  "tcp.stream",
  "tcp.srcport",
  "tcp.dstport",
  "tcp.seq",
  "tcp.payload",
];
/** Of the kernel, for what comes faster than it is written; MiB. */
const BUFFER_MIB = "64";

/** What went over the ports in a time. */
export interface CapturedTime {
  readonly counts: WireCounts;
  /** Ports and first bytes of what was plaintext, to find out what it was. */
  readonly plainSamples: readonly string[];
}

/** A capture of everything that goes over some ports of this host. */
export interface LoopbackCapture extends AsyncDisposable {
  /**
   * Ends the capture and counts.
   *
   * @param sinceMs moments in order, milliseconds since 1970-01-01T00:00:00Z; what was before the first is not counted
   * @returns for each of them what went over the ports until the next
   * @throws AssertionError where anything was lost on its way into the capture
   */
  count(sinceMs: readonly number[]): Promise<CaptureCount>;
}

/** What was captured, counted. */
export interface CaptureCount {
  readonly times: readonly CapturedTime[];
  /** Bytes at the end of connections that are too few to tell what they began, whenever they came. */
  readonly untold: number;
}

/**
 * Begins to capture what goes over ports of this host, also by its other addresses: such packets take the loopback interface (Linux).
 * Every connection has to begin afterwards, so that what it is can be told from its first byte.
 *
 * @param ports of listeners
 * @param file for the packets
 * @returns undefined where tshark (Debian's package of that name) is not installed
 */
export async function captureLoopback(
  ports: readonly number[],
  file: string,
): Promise<LoopbackCapture | undefined> {
  if (spawnSync("tshark", ["--version"]).error !== undefined) return undefined;
  const filter = ports.map((port) => `tcp port ${port}`).join(" or ");
  const args = ["-q", "-i", "lo", "-B", BUFFER_MIB, "-f", filter, "-w", file];
  const capture = launchProcess({ command: "dumpcap", args });
  await capturing(capture);
  return {
    count: async (sinceMs) => {
      await capture.kill("SIGINT");
      const [, received, dropped] =
        /received\/dropped on interface .*: (\d+)\/(\d+) \(pcap/.exec(capture.stderr) ?? [];
      assert.ok(Number(received) > 0, capture.stderr);
      assert.equal(dropped, "0", capture.stderr);
      return await countFile(file, new Set(ports), sinceMs);
    },
    [Symbol.asyncDispose]: () => capture[Symbol.asyncDispose](),
  };
}

/** It says the name of its file on standard error once it captures. */
async function capturing(capture: LaunchedProcess): Promise<void> {
  const LOOK_EVERY_MS = 20;
  let hasEnded = false;
  void capture.exited.finally(() => (hasEnded = true)).catch(() => {});
  while (!capture.stderr.includes("File: ")) {
    assert.ok(!hasEnded, `the capture did not begin: ${capture.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

interface Connection {
  readonly wire: WireReader;
  /** Where the next byte of each direction stands. */
  readonly at: { dialler: number; listener: number };
}

async function countFile(
  file: string,
  ports: ReadonlySet<number>,
  sinceMs: readonly number[],
): Promise<CaptureCount> {
  const fields = FIELDS.flatMap((field) => ["-e", field]);
  const args = ["-n", "-r", file, "-Y", "tcp.len > 0", "-T", "fields", ...fields];
  await using reading = launchProcess({ command: "tshark", args });
  const connections = new Map<string, Connection>();
  const times = sinceMs.map(() => ({ counts: NO_BYTES, plainSamples: [] as string[] }));
  for await (const line of reading.stdoutLines) {
    const packet = readPacket(line, ports);
    const connection = connections.get(packet.stream) ?? newConnection();
    connections.set(packet.stream, connection);
    const bytes = nextBytes(connection, packet);
    const counts = connection.wire[packet.from](bytes);
    const time = times[sinceMs.findLastIndex((since) => since <= packet.atMs)];
    if (time === undefined) continue;
    time.counts = sum(time.counts, counts);
    if (counts.plain > 0) time.plainSamples.push(sampleOf(packet));
  }
  assert.equal((await reading.exited).code, 0, reading.stderr);
  const untold = [...connections.values()].reduce((all, { wire }) => all + wire.untold, 0);
  return { times, untold };
}

interface Packet {
  readonly atMs: number;
  readonly stream: string;
  readonly port: number;
  readonly from: "dialler" | "listener";
  /** Where its first byte stands in its direction, from 1. */
  readonly position: number;
  readonly payload: Buffer;
}

function readPacket(line: string, ports: ReadonlySet<number>): Packet {
  const [time, stream = "", source, destination, position, payload = ""] = line.split("\t");
  const from = ports.has(Number(destination)) ? "dialler" : "listener";
  return {
    atMs: Number(time) * 1_000,
    stream,
    port: Number(from === "dialler" ? destination : source),
    from,
    position: Number(position),
    payload: Buffer.from(payload, "hex"),
  };
}

function newConnection(): Connection {
  return { wire: readWire(), at: { dialler: 1, listener: 1 } };
}

/** What was sent again was counted already; a hole would mean that the capture has lost something. */
function nextBytes({ at }: Connection, { from, position, payload, stream }: Packet): Buffer {
  const known = at[from] - position;
  assert.ok(known >= 0, `the capture lacks ${-known} bytes of connection ${stream}`);
  const fresh = payload.subarray(known);
  at[from] += fresh.length;
  return fresh;
}

function sum(one: WireCounts, other: WireCounts): WireCounts {
  return {
    tls: one.tls + other.tls,
    opening: one.opening + other.opening,
    refusal: one.refusal + other.refusal,
    basic: one.basic + other.basic,
    plain: one.plain + other.plain,
  };
}

function sampleOf({ port, from, payload }: Packet): string {
  return `${from} of port ${port}: ${JSON.stringify(payload.toString("latin1").slice(0, 60))}`;
}
