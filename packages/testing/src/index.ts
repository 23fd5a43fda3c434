export * from "./event-finder.ts";
export * from "./fake-clock.ts";
export * from "./launch-process.ts";
export * from "./launch-tautline.ts";
export * from "./line-log.ts";
export * from "./listen-on-any-port.ts";
export * from "./seeded-random.ts";
export * from "./temp-folder.ts";
