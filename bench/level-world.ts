import { createKeyPair, exportPrivateKey, certificatesFromPem, spkiPin } from "@tautline/pki";
import { createTestAuthority } from "@tautline/testing";

/** Everything that both ends of the benchmark of levels are given; it travels to the worker as JSON. */
export interface LevelWorld {
  readonly trustDomain: string;
  readonly rootPem: string;
  /** SHA-256 of the root's key, hex. */
  readonly pin: string;
  readonly central: { readonly keyPem: string; readonly chainPem: string };
  readonly agent: { readonly keyPem: string; readonly chainPem: string };
  /** Name of the shared key. */
  readonly keyName: string;
  /** 32 bytes, hex. */
  readonly sharedKey: string;
}

/** Makes keys and certificates of the kinds that central and agents have. */
export function createLevelWorld(): LevelWorld {
  const authority = createTestAuthority();
  const [root] = certificatesFromPem(authority.rootPem);
  if (root === undefined) throw new Error("the authority has no root");
  const { privateKey, publicKey } = createKeyPair("p256");
  const agentId = "0190a000-0000-7000-8000-000000000001";
  const leaf = { namespace: "default", agentId, publicKey, purpose: "client" as const };
  return {
    trustDomain: authority.trustDomain,
    rootPem: authority.rootPem,
    pin: spkiPin(root).toString("hex"),
    central: authority.central,
    agent: { keyPem: exportPrivateKey(privateKey), chainPem: authority.issueAgentLeaf(leaf) },
    keyName: "bench",
    sharedKey: Buffer.alloc(32, 7).toString("hex"),
  };
}
