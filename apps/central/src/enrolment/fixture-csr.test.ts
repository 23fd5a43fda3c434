/* Equipment: certificate requests that ask for what they must not have. No tests of its own. */
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CONFIG = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=ignored\n";

/** Makes a request with the real openssl. */
export function opensslCsr(
  folder: string,
  options: {
    readonly commonName?: string;
    readonly extensions?: readonly string[];
    /** As `openssl genpkey` takes it. */
    readonly key?: readonly string[];
  },
): string {
  const { commonName = "", extensions = [], key = ["EC", "ec_paramgen_curve:P-256"] } = options;
  const [algorithm = "", ...settings] = key;
  const keyFile = join(folder, "key.pem");
  const csrFile = join(folder, "csr.pem");
  writeFileSync(join(folder, "openssl.cnf"), CONFIG);
  const run = (args: readonly string[]): unknown =>
    execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const pkeyopts = settings.flatMap((setting) => ["-pkeyopt", setting]);
  run(["genpkey", "-algorithm", algorithm, ...pkeyopts, "-out", keyFile]);
  const subject = commonName === "" ? "/" : `/CN=${commonName}`;
  const added = extensions.flatMap((extension) => ["-addext", extension]);
  const files = ["-config", "openssl.cnf", "-key", keyFile, "-out", csrFile];
  run(["req", "-new", ...files, "-subj", subject, ...added]);
  return readFileSync(csrFile, "utf8");
}

/** A request whose RSA key has the given size; its signature is not one, which a judge of keys never comes to see. */
export function hugeRsaCsr(bits: number): string {
  const modulus = Buffer.alloc(bits / 8, 0xff).toString("base64url");
  const key = createPublicKey({ key: { kty: "RSA", n: modulus, e: "AQAB" }, format: "jwk" });
  return unsignedCsr(key.export({ type: "spki", format: "der" }));
}

/** A request for somebody else's public key, with a signature by nobody (RFC 2986 section 4). */
export function stolenKeyCsr(): string {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return unsignedCsr(publicKey.export({ type: "spki", format: "der" }));
}

function unsignedCsr(spki: Buffer): string {
  const version = Buffer.of(0x02, 0x01, 0x00);
  const noSubject = der(0x30, Buffer.alloc(0));
  const noAttributes = der(0xa0, Buffer.alloc(0));
  const info = der(0x30, Buffer.concat([version, noSubject, spki, noAttributes]));
  const ecdsaWithSha256 = Buffer.from("06082a8648ce3d040302", "hex");
  const number = der(0x02, Buffer.of(1));
  const signature = der(
    0x03,
    Buffer.concat([Buffer.of(0), der(0x30, Buffer.concat([number, number]))]),
  );
  const csr = der(0x30, Buffer.concat([info, der(0x30, ecdsaWithSha256), signature]));
  const lines = csr
    .toString("base64")
    .replaceAll(/(.{64})/g, "$1\n")
    .trimEnd();
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`;
}

/** One DER element (X.690 section 8.1). */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const bytes = length < 0x80 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...bytes), content]);
}
