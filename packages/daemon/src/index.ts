export * from "./config-file.ts";
export * from "./config-reference.ts";
export * from "./config-values.ts";
export * from "./log.ts";
export * from "./parts.ts";
export * from "./pki-files.ts";
export * from "./watched-files.ts";
