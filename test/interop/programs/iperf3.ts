import { launchProcess } from "@tautline/testing";
import { freePort, launchAsServer, type ServerProgram, untilSaid } from "./server-program.ts";

/** What iperf3 counted in one direction. Those who receive stop with those who send, so they may have counted less. */
export interface IperfCount {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

interface Sum {
  readonly bytes: number;
}

interface Report {
  readonly error?: string;
  readonly end: Readonly<Partial<Record<string, Sum>>>;
}

/** Starts `iperf3 -s`, which takes one run at a time. */
export async function openIperf3(): Promise<ServerProgram> {
  const port = await freePort();
  // Into a pipe it would keep its words to itself.
  const args = ["-s", "-B", "127.0.0.1", "-p", String(port), "--forceflush"];
  const server = launchAsServer("iperf3", args);
  const stop = async (): Promise<void> => void (await server.kill());
  try {
    await untilSaid(server, /Server listening/);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, [Symbol.asyncDispose]: stop };
}

/**
 * Runs iperf3 against a port of this host.
 *
 * @param port where
 * @param flags what it is to do
 * @returns one direction, two with --bidir
 * @throws with what it said, where it fails
 */
export async function runIperf3(port: number, ...flags: readonly string[]): Promise<IperfCount[]> {
  const args = ["-c", "127.0.0.1", "-p", String(port), "-J", ...flags];
  await using client = launchProcess({ command: "iperf3", args });
  const { code } = await client.exited;
  const { error, end } = JSON.parse(client.stdout) as Report;
  if (code !== 0 || error !== undefined) throw new Error(`iperf3 ended with ${code}: ${error}`);
  const counts = ["", "_bidir_reverse"].flatMap((way) =>
    countOf(end[`sum_sent${way}`], end[`sum_received${way}`]),
  );
  if (counts.length === 0) throw new Error(`iperf3 counted nothing: ${client.stdout}`);
  return counts;
}

function countOf(sent: Sum | undefined, received: Sum | undefined): IperfCount[] {
  if (sent === undefined || received === undefined) return [];
  return [{ sentBytes: sent.bytes, receivedBytes: received.bytes }];
}
