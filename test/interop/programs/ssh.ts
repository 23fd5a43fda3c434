import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPeer } from "../level-central.ts";
import {
  freePort,
  launchAsServer,
  runAsServer,
  SERVER_USER,
  serverFolder,
  type ServerProgram,
  untilSaid,
} from "./server-program.ts";

/** An sshd with a host key of its own, and the one key that it lets in. */
export interface SshServer extends ServerProgram {
  /** What ssh, scp and sftp are told by -F; the host is called `HOST` in it. */
  readonly clientConfig: string;
  /** Where its user may write. */
  readonly folder: string;
}

/** What the server is called, wherever it is reached. */
export const HOST = "throwaway";
/** By its path, without which it does not start. */
const SSHD = "/usr/sbin/sshd";
/** Without a passphrase; the file follows. */
const NEW_KEY = ["-q", "-t", "ed25519", "-N", "", "-f"];

/**
 * Starts sshd.
 *
 * @param folder where the client's files go
 */
export async function openSshServer(folder: string): Promise<SshServer> {
  await using stack = new AsyncDisposableStack();
  const own = stack.use(serverFolder()).path;
  const [hostKey, authorized] = [join(own, "host-key"), join(own, "authorized")];
  const [key, known] = [join(folder, "ssh-key"), join(folder, "known-hosts")];
  await runAsServer("ssh-keygen", [...NEW_KEY, hostKey]);
  await runPeer("ssh-keygen", [...NEW_KEY, key]);
  writeFileSync(authorized, readFileSync(`${key}.pub`));
  writeFileSync(known, `${HOST} ${readFileSync(`${hostKey}.pub`, "utf8")}`);
  const port = await freePort();
  const config = join(own, "sshd.conf");
  writeFileSync(config, serverLines(port, { hostKey, authorized }).join("\n"));
  const server = launchAsServer(SSHD, ["-D", "-e", "-f", config]);
  stack.defer(async () => void (await server.kill()));
  await untilSaid(server, /Server listening/);
  const clientConfig = join(folder, "ssh.conf");
  writeFileSync(clientConfig, clientLines({ key, known }).join("\n"));
  const owned = stack.move();
  return { port, clientConfig, folder: own, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function serverLines(
  port: number,
  { hostKey, authorized }: { readonly hostKey: string; readonly authorized: string },
): string[] {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorized}`,
    "AuthenticationMethods publickey",
    "PidFile none",
    "UsePAM no",
    // A temporary folder lies below one that everybody may write to.
    "StrictModes no",
    "Subsystem sftp internal-sftp",
  ];
}

function clientLines({ key, known }: { readonly key: string; readonly known: string }): string[] {
  return [
    `Host ${HOST}`,
    "  HostName 127.0.0.1",
    `  HostKeyAlias ${HOST}`,
    `  User ${SERVER_USER}`,
    `  IdentityFile ${key}`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile ${known}`,
    "  GlobalKnownHostsFile /dev/null",
    "  StrictHostKeyChecking yes",
    "  BatchMode yes",
  ];
}
