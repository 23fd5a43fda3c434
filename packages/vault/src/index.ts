export * from "./durable-file.ts";
export * from "./key-source.ts";
export * from "./header.ts";
export * from "./vault.ts";
export * from "./hash-chain.ts";
