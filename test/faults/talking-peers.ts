/* Equipment: a program and a server in processes of their own that talk all the time, and tell how their connections end. */
import { launchProcess, type LaunchedProcess } from "@tautline/testing";

const PEER = `
  const net = require("node:net");
  const [kind, host, port, manner] = process.argv.slice(1);
  const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));
  const talk = (socket) => {
    const talking = manner === "quiet" ? undefined : setInterval(() => socket.write("tick"), 100);
    socket.once("data", () => tell("heard"));
    socket.on("error", ({ code }) => tell("reset", { code })).on("end", () => tell("ended"));
    socket.on("close", () => clearInterval(talking)).resume();
  };
  if (kind === "target") {
    const server = net.createServer({ allowHalfOpen: true }, talk);
    server.listen(0, host, () => tell("ready", { port: server.address().port }));
  } else {
    const socket = net.connect({ host, port: Number(port), allowHalfOpen: true });
    socket.once("connect", () => tell("ready", { port: 0 }));
    talk(socket);
  }
`;

/** One of the two, and where it listens. */
export interface TalkingPeer extends AsyncDisposable {
  readonly port: number;
  /** Resolves when it has heard the other one. */
  readonly heard: () => Promise<unknown>;
  /** Resolves with how its connection ended: `reset`, or `ended` in order. */
  readonly end: () => Promise<string>;
}

/**
 * Starts a peer.
 *
 * @param kind what it is
 * @param host that a target listens at, or that a program connects to
 * @param where port that a program connects to, the words that run a command on another host, and whether it only listens
 */
export async function launchPeer(
  kind: "program" | "target",
  host: string,
  {
    port = 0,
    within = [],
    isQuiet = false,
  }: {
    readonly port?: number;
    readonly within?: readonly string[];
    readonly isQuiet?: boolean;
  } = {},
): Promise<TalkingPeer> {
  const own = [process.execPath, "-e", PEER, kind, host, String(port), isQuiet ? "quiet" : "talks"];
  const [command = "", ...args] = [...within, ...own];
  const peer: LaunchedProcess = launchProcess({ command, args });
  const ready = await peer.waitForEvent(({ event }) => event === "ready");
  return {
    port: Number(ready["port"]),
    heard: () => peer.waitForEvent(({ event }) => event === "heard"),
    end: async () => {
      const { event } = await peer.waitForEvent((told) => told["event"] !== "heard");
      return String(event);
    },
    [Symbol.asyncDispose]: async () => void (await peer.kill("SIGKILL")),
  };
}
