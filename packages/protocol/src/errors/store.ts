import { defineErrors } from "./entry.ts";

/** The database. */
export const storeErrors = defineErrors({
  "store.damaged": {
    sentence: "The database {file} is damaged: {reason}.",
    remedy:
      "Nothing was changed. Stop central, keep a copy of the file, and restore the last good backup.",
    status: 503,
    exit: 1,
  },
  "store.locked": {
    sentence: "The database {file} is in use by another process.",
    remedy: "Stop the other central on this data folder, or use another folder with --data.",
    status: 503,
    exit: 1,
  },
  "store.full": {
    sentence: "The database cannot grow: the disk is full or the quota is used up.",
    remedy: "Free space on the file system of the data folder; central goes on by itself.",
    status: 503,
    exit: 1,
  },
  "store.newer_schema": {
    sentence: "The database {file} was written by a newer Tautline.",
    remedy: "Start that version or a later one; this one would not understand all it holds.",
    status: 503,
    exit: 1,
  },
  "store.failed": {
    sentence: "The database refused: {reason}.",
    remedy: "Check the disk and the rights of the data folder, then look at central's log.",
    status: 503,
    exit: 1,
  },
});
