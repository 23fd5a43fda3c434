import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import type { LevelWorld } from "./level-world.ts";
import { startPeer, type TlsPeer } from "./tls-peers.ts";

/** Files of one identity. */
interface Files {
  readonly home: string;
  readonly chain: string;
  readonly key: string;
  readonly both: string;
  readonly root: string;
}

/**
 * Starts nginx with one worker that takes gRPC by mutual TLS 1.3 and passes it to a port without TLS.
 *
 * @param folder for its files
 * @param world certificates
 * @param to port of this host that it leads to
 * @returns undefined where it is not installed
 */
export async function startNginxGrpc(
  folder: string,
  world: LevelWorld,
  to: number,
): Promise<TlsPeer | undefined> {
  if (spawnSync("nginx", ["-v"]).error !== undefined) return undefined;
  const files = writeFiles(join(folder, "nginx"), world);
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${files.home}/${name};`,
  );
  const config = [
    // One process: its time and memory are those of the worker.
    "daemon off; master_process off; worker_processes 1;",
    `pid ${files.home}/pid; error_log stderr error;`,
    "events { worker_connections 4096; }",
    "http {",
    "  access_log off;",
    ...temporary,
    `  upstream backend { server 127.0.0.1:${to}; keepalive 256; keepalive_requests 100000000; }`,
    "  server {",
    `    listen 127.0.0.1:${port} ssl http2;`,
    `    ssl_certificate ${files.chain}; ssl_certificate_key ${files.key};`,
    `    ssl_client_certificate ${files.root}; ssl_verify_client on; ssl_verify_depth 3;`,
    "    ssl_protocols TLSv1.3; ssl_session_tickets off;",
    "    keepalive_requests 100000000; http2_max_concurrent_streams 256;",
    "    client_max_body_size 0; grpc_read_timeout 1h; grpc_send_timeout 1h;",
    "    location / { grpc_pass grpc://backend; }",
    "  }",
    "}",
  ];
  const file = join(files.home, "nginx.conf");
  writeFileSync(file, `${config.join("\n")}\n`);
  return startPeer("nginx", ["-p", files.home, "-e", "stderr", "-c", file], port);
}

/**
 * Starts haproxy with one thread that takes gRPC by mutual TLS 1.3 and passes it to a port without TLS.
 *
 * @param folder for its files
 * @param world certificates
 * @param to port of this host that it leads to
 * @returns undefined where it is not installed
 */
export async function startHaproxyGrpc(
  folder: string,
  world: LevelWorld,
  to: number,
): Promise<TlsPeer | undefined> {
  if (spawnSync("haproxy", ["-v"]).error !== undefined) return undefined;
  const files = writeFiles(join(folder, "haproxy"), world);
  const port = await freePort();
  const config = [
    "global",
    "  nbthread 1",
    "  maxconn 4000",
    "  tune.h2.max-concurrent-streams 256",
    "defaults",
    "  mode http",
    "  timeout connect 10s",
    "  timeout client 1h",
    "  timeout server 1h",
    "  option http-no-delay",
    "listen bench",
    `  bind 127.0.0.1:${port} ssl crt ${files.both} ca-file ${files.root} verify required ssl-min-ver TLSv1.3 no-tls-tickets alpn h2`,
    `  server backend 127.0.0.1:${to} proto h2`,
  ];
  const file = join(files.home, "haproxy.cfg");
  writeFileSync(file, `${config.join("\n")}\n`);
  return startPeer("haproxy", ["-db", "-f", file], port);
}

function writeFiles(home: string, { central, rootPem }: LevelWorld): Files {
  mkdirSync(home, { recursive: true });
  const write = (name: string, text: string): string => {
    const file = join(home, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  return {
    home,
    chain: write("chain.pem", central.chainPem),
    key: write("key.pem", central.keyPem),
    both: write("both.pem", `${central.keyPem}${central.chainPem}`),
    root: write("root.pem", rootPem),
  };
}
