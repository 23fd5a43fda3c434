/** What one workspace may import, besides what its package.json declares. docs/architecture.md shows this table. */
export interface Layer {
  /** Workspaces it may import, by short name. */
  readonly mayImport: readonly string[];
  /** Node's modules it may import outside of tests, without `node:`; "any" where the work is I/O itself. */
  readonly node: readonly string[] | "any";
  /** Apps it may start, by dynamic import of their `main` and in no other way. */
  readonly starts?: readonly string[];
}

/** Imports point down only: apps → link → pki → protocol, apps → vault → protocol, apps → daemon → pki. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  protocol: { mayImport: [], node: [] },
  pki: { mayImport: ["protocol"], node: ["crypto"] },
  vault: { mayImport: ["protocol"], node: ["crypto", "fs", "path"] },
  link: {
    mayImport: ["protocol", "pki"],
    node: ["crypto", "http", "http2", "net", "stream", "tls"],
  },
  daemon: { mayImport: ["protocol", "pki"], node: ["crypto", "fs"] },
  testing: { mayImport: ["protocol", "pki", "vault", "link", "daemon"], node: "any" },
  central: { mayImport: ["protocol", "pki", "vault", "link", "daemon"], node: "any" },
  agent: { mayImport: ["protocol", "pki", "vault", "link", "daemon"], node: "any" },
  swarm: { mayImport: ["protocol", "pki", "link"], node: "any" },
  cli: {
    mayImport: ["protocol", "pki", "vault", "link", "daemon"],
    node: "any",
    starts: ["central", "agent", "swarm"],
  },
};
