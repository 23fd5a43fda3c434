import type { X509Certificate } from "node:crypto";
import type { Logger } from "@tautline/daemon";
import { rootsPem, withForeignClients, type JudgeClient, type TlsAcceptor } from "@tautline/link";
import { toTautlineError, type TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { ServerAccess, ServerFiles } from "./server-files.ts";

/** What a port shows to, and takes from, callers of an existing PKI. */
export interface ForeignFront {
  /** The judge of a port: agents by ours, clients of the other PKI by its authorities in use. */
  judge(own: JudgeClient): JudgeClient;
  /**
   * Shows what the files give on a port, now and whenever they change.
   *
   * @throws link.identity_rejected
   */
  showOn(acceptor: Pick<TlsAcceptor, "replaceOthers">): void;
  /** Looks at the files and takes new ones into use; those that cannot be taken leave the old ones in use, in the audit trail and log. */
  follow(): Promise<void>;
}

/** New files are in use within 10 s (SW-11). */
export const FILES_LOOK_MS = 5_000;

/**
 * Ties the files of an existing PKI to the ports that agents dial.
 *
 * @param deps the files; central's own `root`, which clients are asked for as well
 */
export function createForeignFront(deps: {
  readonly files: ServerFiles;
  readonly root: X509Certificate;
  readonly audit: Pick<AuditLog, "record">;
  readonly log: Logger;
  readonly now: () => number;
}): ForeignFront {
  const { files, root, now } = deps;
  const shownOn = new Set<Pick<TlsAcceptor, "replaceOthers">>();
  let inUse = files.value;
  return {
    judge: (own) => withForeignClients(own, { authorities: () => inUse.authorities, now }),
    showOn: (acceptor) => {
      show(acceptor, inUse, root);
      shownOn.add(acceptor);
    },
    follow: async () => {
      const seen = files.look();
      if (seen === "same") return;
      const problem = seen === "taken" ? takeIntoUse() : files.problem;
      if (problem === undefined) await noteTaken(deps, inUse);
      else await noteRefused(deps, problem);
    },
  };

  function takeIntoUse(): TautlineError | undefined {
    try {
      for (const acceptor of shownOn) show(acceptor, files.value, root);
      inUse = files.value;
      return undefined;
    } catch (error) {
      return toTautlineError(error);
    }
  }
}

function show(
  acceptor: Pick<TlsAcceptor, "replaceOthers">,
  { identity, authorities }: ServerAccess,
  root: X509Certificate,
): void {
  const isNothing = identity === undefined && authorities.length === 0;
  const clientRootsPem = rootsPem([root, ...authorities]);
  acceptor.replaceOthers(isNothing ? undefined : { identity, clientRootsPem });
}

type Deps = Parameters<typeof createForeignFront>[0];

async function noteTaken({ log, audit }: Deps, { authorities }: ServerAccess): Promise<void> {
  log.info({ authorities: authorities.length }, "new TLS files are in use");
  const detail = { authorities: authorities.length };
  await audit.record({ action: "files.taken", actor: "central", subject: "central", detail });
}

async function noteRefused({ log, audit }: Deps, problem: TautlineError): Promise<void> {
  log.error(
    { err: problem, remedy: problem.remedy },
    "new TLS files cannot be used; the old ones are",
  );
  const detail = { code: problem.code, reason: problem.message };
  await audit.record({ action: "files.refused", actor: "central", subject: "central", detail });
}
