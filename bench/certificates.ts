// Certificates issued and chains verified per second, beside the raw signature they cannot be faster than.
// Run: sh scripts/node bench/certificates.ts
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

const RUNS = 7;
const RUN_MS = 500;
const trustDomain = "fleet.example.org";
const namespace = "default";
const agentId = "0197a000-0000-7000-8000-00000000000a";
const DAY_MS = 86_400_000;

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

const leaf = issueOne();
const message = randomBytes(500);
const signature = sign("sha256", message, keys.privateKey);

/** A handshake hands over a new object each time, so the leaf is read anew; the authorities' objects stay. */
function verifyOne(): void {
  const verdict = verifyChain({
    leaf: new X509Certificate(leaf.raw),
    intermediates: [agents.certificate],
    roots: [root.certificate],
    at: new Date(),
    purpose: "client",
  });
  if (!verdict.ok) throw verdict.error;
}

const rows: [string, () => unknown][] = [
  ["sign, ECDSA P-256 (raw)", () => sign("sha256", message, keys.privateKey)],
  ["issueCertificate", () => issueOne()],
  ["verify, ECDSA P-256 (raw)", () => verify("sha256", message, keys.publicKey, signature)],
  ["verifyChain, 3 certificates", verifyOne],
];

/** Repetitions per second of processor time within one run: other work on the machine then weighs less. */
function measure(work: () => unknown): number {
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  let count = 0;
  while (performance.now() - start < RUN_MS) {
    for (let batch = 0; batch < 20; batch += 1) work();
    count += 20;
  }
  const { user, system } = process.cpuUsage(cpuStart);
  return (count * 1_000_000) / (user + system);
}

const rates = rows.map(([, work]) => {
  measure(work);
  return [] as number[];
});
// Runs alternate, so that a busy moment of the machine falls on every row.
for (let run = 0; run < RUNS; run += 1) {
  for (const [index, [, work]] of rows.entries()) rates[index]?.push(measure(work));
}
console.log(
  `Node ${process.version}, ${RUNS} alternating runs of ${RUN_MS} ms: median [min..max] per second of processor time`,
);
for (const [index, [what]] of rows.entries()) {
  const sorted = (rates[index] ?? []).toSorted((a, b) => a - b).map((each) => Math.round(each));
  const median = sorted[(RUNS - 1) / 2];
  console.log(`${what.padEnd(28)} ${String(median).padStart(6)} [${sorted[0]}..${sorted.at(-1)}]`);
}
