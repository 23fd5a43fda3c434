import root from "../package.json" with { type: "json" };

/** This release; all workspaces carry the same number. */
export const VERSION: string = root.version;
