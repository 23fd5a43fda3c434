import type { KeyRing } from "./key-ring.ts";

/** The ring of a central that has no keys: every name is unknown. */
export const noKeys: KeyRing = { find: () => [], noteUse: () => {} };
