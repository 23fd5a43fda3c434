/* Equipment: a name server on another host whose names mean something else each time they are asked for. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { launchProcess, type LaunchedProcess } from "@tautline/testing";
import type { OtherHost } from "./two-networks.ts";

/** Answers (RFC 1035) each question for an IPv4 address with the next of its name's, and goes on with the last. */
const SERVER = `
  const names = new Map(Object.entries(JSON.parse(process.argv[1])));
  const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", (question, { port, address }) => {
    const labels = [];
    let at = 12;
    for (; question[at] !== 0; at += question[at] + 1) {
      labels.push(question.toString("latin1", at + 1, at + 1 + question[at]));
    }
    const end = at + 5;
    const name = labels.join(".");
    const isA = question.readUInt16BE(at + 1) === 1;
    const answers = names.get(name);
    const meant = isA && answers !== undefined ? [answers.length > 1 ? answers.shift() : answers[0]] : [];
    if (isA) tell("asked", { name, meant: meant[0] });
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(answers === undefined ? 0x8183 : 0x8180, 2);
    head.writeUInt16BE(meant.length, 6);
    head.writeUInt32BE(0, 8);
    // A pointer to the name, an IPv4 address of the internet, which holds for no time at all.
    const records = meant.map((text) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...text.split(".").map(Number)]));
    socket.send(Buffer.concat([head, question.subarray(12, end), ...records]), port, address);
  });
  socket.bind(53, "127.0.0.1", () => tell("ready"));
`;

/** The name server of another host. */
export interface TurningNames extends AsyncDisposable {
  /** What runs a command there that asks this server for names. */
  readonly words: readonly [string, ...string[]];
  /** What was answered for a name so far, in its order. */
  readonly answered: (name: string) => readonly string[];
}

/**
 * Starts the name server.
 *
 * @param host where
 * @param folder for the settings of whoever looks up names there
 * @param names IPv4 addresses of each, in the order to answer
 */
export async function startTurningNames(
  host: OtherHost,
  folder: string,
  names: Readonly<Record<string, readonly string[]>>,
): Promise<TurningNames> {
  const settings = join(folder, "resolv.conf");
  writeFileSync(settings, "nameserver 127.0.0.1\n");
  const [command, ...words] = host.words;
  const own = [process.execPath, "-e", SERVER, JSON.stringify(names)];
  const server: LaunchedProcess = launchProcess({ command, args: [...words, ...own] });
  await server.waitForEvent(({ event }) => event === "ready");
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  return {
    // A host of its own has mounts of its own, which go with the process.
    words: [command, ...words, "sh", "-c", script, settings],
    answered: (name) =>
      server.stdout
        .split("\n")
        .filter((line) => line.includes(`"asked","name":"${name}"`))
        .map((line) => (JSON.parse(line) as { readonly meant: string }).meant),
    [Symbol.asyncDispose]: async () => void (await server.kill("SIGKILL")),
  };
}
