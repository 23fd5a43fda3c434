export * from "./error.ts";
export * from "./error-catalogue.ts";
