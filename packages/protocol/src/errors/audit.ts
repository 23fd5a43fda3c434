import { defineErrors } from "./entry.ts";

/** The audit trail, its signed checkpoints, and what was remembered of them elsewhere (docs/reference/audit.md). */
export const auditErrors = defineErrors({
  "audit.checkpoint_malformed": {
    sentence: "The checkpoint of the audit trail cannot be read: {reason}.",
    remedy:
      "Nothing was taken from it. Central and this program may be of versions too far apart; compare 'tautline --version' on both.",
    status: 400,
    exit: 1,
  },
  "audit.checkpoint_unproven": {
    sentence: "The checkpoint of the audit trail is not proven: {reason}.",
    remedy:
      "Nothing was taken from it. If it came from central, treat central as compromised: only its root can certify a key that signs checkpoints.",
    status: 403,
    exit: 1,
  },
  "audit.fork": {
    sentence:
      "Central's audit trail is not the one this agent has seen: {what}. It has seen checkpoint {seenNumber} (entry {seenSeq}, {seenAt}) and was shown {shownNumber} (entry {shownSeq}, {shownAt}).",
    remedy:
      "If central was restored from a backup, that is why: see 'tautline audit forks' there. If not, somebody rewrote or cut its trail: keep this host's audit-head.json as evidence.",
    status: 409,
    exit: 1,
  },
  "audit.fork_unknown": {
    sentence: "There is no fork '{id}' of the audit trail.",
    remedy: "'tautline audit forks' lists those there are.",
    status: 404,
    exit: 1,
  },
  "audit.head_damaged": {
    sentence: "What this agent remembers of central's audit trail cannot be used: {reason}.",
    remedy:
      "The file was set aside as {aside} and a new memory begun. If nobody changed it, look at the disk of this host.",
    status: 409,
    exit: 1,
  },
  "audit.forked": {
    sentence:
      "The trail holds together, but {count} of its forks are not acknowledged: agents have seen another trail of this central. The first was found at {foundAt}.",
    remedy:
      "'tautline audit forks' shows what was seen and by whom. After a restore that you made yourself: 'tautline audit acknowledge ID'.",
    status: 409,
    exit: 1,
  },
  "audit.rewritten": {
    sentence:
      "The audit trail was rewritten: from entry {at} on it is not the one that {file} knows ({detail}).",
    remedy:
      "Keep central's data folder and {file} as evidence. Whoever did it had central's files and could hash the trail anew.",
    status: 409,
    exit: 1,
  },
  "audit.truncated": {
    sentence:
      "The audit trail was cut off: it ends before entry {at}, and {file} knows entries up to {known}.",
    remedy:
      "Keep central's data folder and {file} as evidence. If an older copy of the database was just restored, that is why.",
    status: 409,
    exit: 1,
  },
  "audit.restored": {
    sentence:
      "An older copy of the audit trail was restored and went on: from entry {at} on it was written later than what {file} knows (up to entry {known}).",
    remedy:
      "If you restored a backup, acknowledge it: 'tautline audit forks'. If not, somebody put an old database back to undo what happened since.",
    status: 409,
    exit: 1,
  },
  "audit.another_central": {
    sentence: "{file} is of another central: {reason}.",
    remedy: "Compare a trail only with what was exported from, or seen of, the same central.",
    status: 409,
    exit: 1,
  },
  "audit.export_malformed": {
    sentence: "Line {line} of {file} is not a line of an audit export: {reason}.",
    remedy:
      "Nobody should edit an export: one changed byte is found. Export it again with 'tautline audit export', or look for who changed the file.",
    status: 400,
    exit: 1,
  },
  "audit.export_broken": {
    sentence: "{file} is broken at entry {at}: {reason}.",
    remedy: "Take another export; entries before {at} are intact.",
    status: 409,
    exit: 1,
  },
  "audit.too_many_exports": {
    sentence: "{limit} exports of the audit trail are under way already.",
    remedy: "Wait until one has ended, or end one that follows.",
    status: 429,
    exit: 1,
  },
  "audit.no_checkpoint": {
    sentence: "Central has signed no checkpoint yet.",
    remedy: "Central signs one when it stops, and within audit.checkpointInterval of a new entry.",
    status: 404,
    exit: 1,
  },
});
