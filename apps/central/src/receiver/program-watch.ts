import type { TautlineError } from "@tautline/protocol";
import { readCounter } from "../store/counter.ts";
import type { Store } from "../store/store.ts";
import type { LiveReceiverLink } from "./link-table.ts";
import { judgePrograms } from "./program-callers.ts";

/** Ends links of programs whose certificate, or the agent that keeps it, has ended: whichever process on this database ended it. */
export interface ProgramWatch {
  /** A link came by a record that may have changed since it was read: it is looked at again at the next look. */
  noteArrival(): void;
  /**
   * Cheap where nothing has ended and nobody came.
   *
   * @param links all there are
   * @param end is told of each that has to go
   * @throws store.*
   */
  look(
    links: readonly LiveReceiverLink[],
    end: (link: LiveReceiverLink, reason: TautlineError) => void,
  ): Promise<void>;
}

/**
 * Makes the watch; whoever makes it calls `look` by the clock.
 *
 * @param store central's database
 */
export function createProgramWatch(store: Store): ProgramWatch {
  let seen: number | undefined;
  let isNew = false;
  return {
    noteArrival: () => {
      isNew = true;
    },
    look: async (links, end) => {
      // Taken before anything is waited for: who comes meanwhile is not among these links.
      const hadNew = isNew;
      isNew = false;
      try {
        const endings = await readCounter(store, "endings");
        if (endings === seen && !hadNew) return;
        await judgeAll(store, links, end);
        seen = endings;
      } catch (error) {
        isNew ||= hadNew;
        throw error;
      }
    },
  };
}

async function judgeAll(
  store: Store,
  links: readonly LiveReceiverLink[],
  end: (link: LiveReceiverLink, reason: TautlineError) => void,
): Promise<void> {
  const programs = links.flatMap((link) =>
    link.identity.kind === "program" ? [{ link, serial: link.identity.serial }] : [],
  );
  const refused = await judgePrograms(
    store,
    programs.map(({ serial }) => serial),
  );
  for (const { link, serial } of programs) {
    const reason = refused.get(serial);
    if (reason !== undefined) end(link, reason);
  }
}
