import type { Verbs } from "../noun.ts";
import { showVaultStatus } from "./status.ts";

/** `tautline vault …` */
export const vaultVerbs: Verbs = { status: showVaultStatus };
