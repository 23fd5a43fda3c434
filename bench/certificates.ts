import { spawnSync } from "node:child_process";
import { type KeyObject, randomBytes, sign, verify, X509Certificate } from "node:crypto";
import {
  createAgentsIntermediate,
  createKeyPair,
  createRoot,
  createSerial,
  issueCertificate,
  validityFrom,
  verifyChain,
} from "@tautline/pki";
import type { Benchmark, Row } from "./benchmark.ts";

const RUNS = 7;
const RUN_MS = 400;
const DAY_MS = 86_400_000;
const BATCH = 20;

/**
 * Certificates issued and chains verified on one core, beside the raw signature they cannot be faster than and OpenSSL's own
 * measurement of it. Ours are counted per second of processor time, as `openssl speed` counts, so other work on the machine weighs less.
 */
export const certificates: Benchmark = async () => {
  const works: readonly (readonly [string, () => unknown])[] = [
    ["sign, ECDSA P-256, node:crypto", signOne],
    ["certificates issued", () => issueOne()],
    ["verify, ECDSA P-256, node:crypto", verifySignature],
    ["chains of 3 verified", verifyOne],
  ];
  const rates = works.map(([, work]) => {
    measure(work);
    return [] as number[];
  });
  const openssl: { sign: number[]; verify: number[] } = { sign: [], verify: [] };
  // Runs alternate, so that a busy moment of the machine falls on every row.
  for (let run = 0; run < RUNS; run += 1) {
    for (const [index, [, work]] of works.entries()) rates[index]?.push(measure(work));
    if (run < 3) noteOpenssl(openssl);
  }
  const note = "a second of processor time, one core";
  const ours: Row[] = works.map(([what], index) => ({
    what,
    unit: "1/s",
    values: rates[index] ?? [],
    note,
  }));
  const byOpenssl = "openssl speed ecdsap256";
  return [
    { what: "sign, ECDSA P-256, openssl", unit: "1/s", values: openssl.sign, note: byOpenssl },
    ...ours.slice(0, 2),
    { what: "verify, ECDSA P-256, openssl", unit: "1/s", values: openssl.verify, note: byOpenssl },
    ...ours.slice(2),
  ];
};

const trustDomain = "fleet.example.org";
const namespace = "default";
const agentId = "0197a000-0000-7000-8000-00000000000a";
const now = (): number => Date.now();
const authority = { trustDomain, now, lifetimeMs: 365 * DAY_MS };
const root = createRoot({ ...authority, serial: createSerial(randomBytes) });
const agents = createAgentsIntermediate(root, {
  ...authority,
  namespace,
  serial: createSerial(randomBytes),
});
const keys = createKeyPair("p256");

function issueOne(publicKey: KeyObject = keys.publicKey): X509Certificate {
  return issueCertificate({
    profile: { kind: "agent-client", trustDomain, namespace, agentId },
    publicKey,
    issuer: agents,
    ...validityFrom(now(), DAY_MS),
    serial: createSerial(randomBytes),
  });
}

/** More than pki remembers: each verification reads its leaf anew, as central does at each handshake. */
const LEAVES = 200;
const leaves = Array.from({ length: LEAVES }, () => issueOne().raw);
let next = 0;
const message = randomBytes(500);
const signature = sign("sha256", message, keys.privateKey);

function signOne(): unknown {
  return sign("sha256", message, keys.privateKey);
}

function verifySignature(): unknown {
  return verify("sha256", message, keys.publicKey, signature);
}

/** A handshake hands over new objects each time; at central the leaf is another one each time, the authorities are known. */
function verifyOne(): void {
  next = (next + 1) % LEAVES;
  const leaf = leaves[next];
  if (leaf === undefined) throw new Error("no leaf");
  const verdict = verifyChain({
    leaf: new X509Certificate(leaf),
    intermediates: [agents.certificate],
    roots: [root.certificate],
    at: new Date(),
    purpose: "client",
  });
  if (!verdict.ok) throw verdict.error;
}

/** Repetitions per second of processor time within one run. */
function measure(work: () => unknown): number {
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  let count = 0;
  while (performance.now() - start < RUN_MS) {
    for (let batch = 0; batch < BATCH; batch += 1) work();
    count += BATCH;
  }
  const { user, system } = process.cpuUsage(cpuStart);
  return (count * 1_000_000) / (user + system);
}

/** The last line reads "256 bits ecdsa (nistp256)   0.0000s   0.0001s  40000.0  14000.0". */
function noteOpenssl(into: { readonly sign: number[]; readonly verify: number[] }): void {
  const { stdout } = spawnSync("openssl", ["speed", "-seconds", "1", "ecdsap256"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [, signs, verifies] =
    /nistp256\)\s+[\d.]+s\s+[\d.]+s\s+([\d.]+)\s+([\d.]+)/.exec(stdout) ?? [];
  if (signs === undefined || verifies === undefined) return;
  into.sign.push(Number(signs));
  into.verify.push(Number(verifies));
}
