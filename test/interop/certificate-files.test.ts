import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import { launchProcess, launchTautline } from "@tautline/testing";
import { until } from "../until.ts";
import {
  type CertificateScene,
  dialTls,
  openCertificateScene,
  PROGRAMS,
  shownSerial,
  untilRenewed,
} from "./certificate-scene.ts";
import { openPostgres, SUPERUSER } from "./programs/postgres.ts";
import { freePort, launchAsServer, untilSaid } from "./programs/server-program.ts";

async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  await using running = launchProcess({ command, args, env });
  const { code } = await running.exited;
  assert.equal(code, 0, `${command}: ${running.stdout}${running.stderr}`);
  return running.stdout;
}

async function tautline(scene: CertificateScene, ...words: string[]): Promise<string> {
  await using running = launchTautline([...words, "--data", scene.central.dataDir]);
  assert.equal((await running.exited).code, 0, running.stderr);
  return running.stdout;
}

/** Reads until all that was said holds a text. */
async function readUntil(socket: Socket | TLSSocket, text: string): Promise<string> {
  let said = "";
  while (!said.includes(text)) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) said += chunk.toString("latin1");
    else if (socket.readableEnded) throw new Error(`ended after ${said}`);
    else await Promise.race([once(socket, "readable"), once(socket, "end")]);
  }
  return said;
}

/** SSLRequest of PostgreSQL's protocol, section 53.7: length 8, code 80877103; "S" is yes. */
async function askPostgres(socket: Socket): Promise<void> {
  socket.write(Buffer.from("0000000804d2162f", "hex"));
  assert.equal(await readUntil(socket, "S"), "S");
}

/** A NATS server speaks first, and TLS begins after its INFO. */
async function hearNats(socket: Socket): Promise<void> {
  assert.match(await readUntil(socket, "\r\n"), /"tls_required":true/);
}

/** Has psql say who serves it, and whether over TLS. */
const said = (text: string): string[] => [
  "-c",
  `SELECT '${text}', pg_backend_pid(), ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
];

const BODY_BYTES = 64 * 1024 * 1024;

interface Nginx extends AsyncDisposable {
  readonly port: number;
}

/** Serves the files of a folder, and reads them again when the agent has renewed them, if it does. */
async function openNginx(scene: CertificateScene, folder: string): Promise<Nginx> {
  const port = await freePort();
  const work = join(scene.central.folder, `nginx-${port}`);
  await run("mkdir", ["-p", join(work, "www")]);
  writeFileSync(join(work, "www", "large"), Buffer.alloc(BODY_BYTES, "x"));
  const conf = join(work, "nginx.conf");
  const log = join(work, "error.log");
  const user = process.getuid?.() === 0 ? "user root;" : "";
  writeFileSync(
    conf,
    `${user} daemon off; pid ${work}/pid; error_log ${log}; worker_processes 1;
     events { worker_connections 64; }
     http {
       access_log off; client_body_temp_path ${work}/a; proxy_temp_path ${work}/b;
       fastcgi_temp_path ${work}/c; uwsgi_temp_path ${work}/d; scgi_temp_path ${work}/e;
       server {
         listen 127.0.0.1:${port} ssl;
         ssl_certificate ${folder}/server.crt; ssl_certificate_key ${folder}/server.pem;
         ssl_client_certificate ${folder}/ca.crt; ssl_verify_client optional; ssl_verify_depth 2;
         root ${work}/www;
         location = /who { return 200 "$ssl_client_verify $ssl_client_s_dn"; }
       }
     }`,
  );
  const how = ["-c", conf, "-e", log];
  const server = launchProcess({ command: "/usr/sbin/nginx", args: how });
  await until(async () => (await answers(port)) || undefined);
  if (folder === scene.folderOf("nginx")) {
    await scene.reloadBy("nginx", `exec /usr/sbin/nginx ${how.join(" ")} -s reload`);
  }
  return { port, [Symbol.asyncDispose]: async () => void (await server.kill("SIGTERM")) };
}

async function answers(port: number): Promise<boolean> {
  await using curl = launchProcess({
    command: "curl",
    args: ["-sko", "/dev/null", `https://127.0.0.1:${port}/who`],
  });
  return (await curl.exited).code === 0;
}

describe("certificates as files for programs that nobody here wrote", { concurrency: true }, () => {
  let scene: CertificateScene;
  before(async () => {
    scene = await openCertificateScene();
  });
  after(() => scene[Symbol.asyncDispose]());

  it("SWP-2, SWP-4: nginx serves one to curl, and a download goes on over its renewal", async () => {
    const folder = scene.folderOf("nginx");
    await using nginx = await openNginx(scene, folder);
    const { port } = nginx;
    const ca = join(folder, "ca.crt");
    const answer = await run("curl", ["-s", "--cacert", ca, `https://localhost:${port}/who`]);
    assert.equal(answer, "NONE ");
    const serial = await shownSerial(scene, port);
    const download = await dialTls(scene, port);
    download.write("GET /large HTTP/1.0\r\n\r\n");
    await readUntil(download, "\r\n\r\n");
    // Nobody reads on: it is under way for as long as the renewal takes.
    download.pause();
    const renewed = await untilRenewed(scene, { port, serial });
    let received = 0;
    download.on("data", (chunk: Buffer) => (received += chunk.length));
    download.resume();
    await once(download, "end");
    assert.ok(received > BODY_BYTES - 1024 * 1024 && received <= BODY_BYTES, String(received));
    await run("curl", ["-s", "--cacert", ca, `https://127.0.0.1:${port}/who`]);
    assert.notEqual(renewed, serial);
    const [cert, key] = [join(folder, "server.crt"), join(folder, "server.pem")];
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const strict = ["-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost"];
    await run("openssl", ["verify", ...strict, "-CAfile", ca, "-untrusted", cert, cert]);
    assert.match(await run("openssl", ["pkey", "-in", key, "-noout", "-text"]), /prime256v1/);
  });

  it("PostgreSQL serves one to psql with verify-full, and a session goes on over its renewal", async () => {
    const folder = scene.folderOf("postgres");
    const files = [
      "ssl=on",
      `ssl_cert_file=${folder}/server.crt`,
      `ssl_key_file=${folder}/server.pem`,
    ];
    await using postgres = await openPostgres(files);
    const { port } = postgres;
    await scene.reloadBy("postgres", `exec kill -HUP ${postgres.pid}`);
    const env = {
      PGPASSWORD: postgres.password,
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: join(folder, "ca.crt"),
    };
    const flags = [
      "-X",
      "-A",
      "-t",
      "-v",
      "ON_ERROR_STOP=1",
      "-h",
      "localhost",
      "-p",
      String(port),
    ];
    const where = [...flags, "-U", SUPERUSER, "-d", "postgres"];
    const mark = join(scene.central.folder, "renewed");
    const waiting = ["-c", `\\! until test -e ${mark}; do sleep 0.1; done`];
    const args = [...where, ...said("before"), ...waiting, ...said("after")];
    await using session = launchProcess({ command: "psql", args, env });
    await until(async () => session.stdout.includes("before") || undefined);
    const serial = await shownSerial(scene, port, askPostgres);
    await untilRenewed(scene, { port, serial, before: askPostgres });
    writeFileSync(mark, "");
    assert.equal((await session.exited).code, 0, session.stderr);
    const [, pid = ""] = /before\|(\d+)\|t/.exec(session.stdout) ?? [];
    assert.ok(session.stdout.includes(`after|${pid}|t`), session.stdout);
    assert.match(await run("psql", [...where, ...said("new")], env), /^new\|\d+\|t$/m);
  });

  it("nats-server serves one to a client over TLS, and its connection goes on over a renewal", async () => {
    const folder = scene.folderOf("nats");
    const port = await freePort();
    const conf = join(folder, "nats.conf");
    const tls = `cert_file: "${folder}/server.crt", key_file: "${folder}/server.pem"`;
    // Unless told it gives a handshake less time than a busy machine needs.
    const text = `listen: "127.0.0.1:${port}"\ntls { ${tls}, timeout: 60 }\n`;
    writeFileSync(conf, text, { mode: 0o644 });
    await using server = launchAsServer("nats-server", ["-c", conf]);
    await untilSaid(server, /Server is ready/);
    await scene.reloadBy("nats", `exec kill -HUP ${server.pid}`);
    const client = await dialTls(scene, port, hearNats);
    const ask = async (line: string, answer: string): Promise<void> => {
      client.write(line);
      await readUntil(client, answer);
    };
    const options = JSON.stringify({ verbose: false, tls_required: true, name: "test" });
    await ask(`CONNECT ${options}\r\nSUB news 1\r\nPING\r\n`, "PONG\r\n");
    const serial = client.getPeerCertificate().serialNumber.toLowerCase();
    await untilRenewed(scene, { port, serial, before: hearNats });
    await ask("PUB news 5\r\nhello\r\n", "MSG news 1 5\r\nhello\r\n");
    client.destroy();
  });

  it("a reload command that fails is named in `agent status`, and the files are new all the same", async () => {
    assert.deepEqual(
      scene.first.map(({ name }) => name),
      PROGRAMS,
    );
    for (const { name, serial, problem } of scene.first) {
      assert.match(serial ?? "", /^[0-9a-f]{32}$/);
      assert.equal(problem?.code, "agent.reload_failed");
      assert.match(problem?.text ?? "", new RegExp(`reload-${name}'.*ended with 3: not there yet`));
    }
  });

  it("curl shows nginx a client's certificate from `certs issue`, which says who it is", async () => {
    const [served, out] = ["served", "client"].map((name) => join(scene.central.folder, name));
    assert.ok(served && out);
    await tautline(scene, "certs", "issue", "--name", "localhost", "--out", served);
    await tautline(scene, "certs", "issue", "--client", "--name", "reports", "--out", out);
    await using nginx = await openNginx(scene, served);
    const [cert, key, ca] = ["client.crt", "client.pem", "ca.crt"].map((file) => join(out, file));
    const shown = ["--cert", String(cert), "--key", String(key), "--cacert", String(ca)];
    const answer = await run("curl", ["-s", ...shown, `https://localhost:${nginx.port}/who`]);
    assert.equal(answer, "SUCCESS CN=reports");
  });

  for (const format of ["jks", "pkcs12"] as const) {
    it(`keytool lists the root in what \`certs trust --format ${format}\` writes`, async () => {
      const file = join(scene.central.folder, `trust.${format}`);
      const words = ["certs", "trust", "--format", format, "--out", file, "--json"];
      const { password } = JSON.parse(await tautline(scene, ...words)) as { password: string };
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const listed = await run("keytool", ["-list", "-keystore", file, "-storepass", password]);
      assert.match(listed, /contains 1 entry/);
      assert.match(listed, /^tautline, .*trustedCertEntry/m);
      const pem = await run("openssl", [
        "x509",
        "-in",
        join(scene.folderOf("nginx"), "ca.crt"),
        "-noout",
        "-fingerprint",
        "-sha256",
      ]);
      assert.ok(listed.includes(pem.trim().split("=")[1] ?? "?"), listed);
    });
  }
});
