export * from "./durable-file.ts";
export * from "./hash-chain.ts";
export * from "./header.ts";
export * from "./key-source.ts";
export * from "./open-vault.ts";
export * from "./place.ts";
export * from "./vault.ts";
