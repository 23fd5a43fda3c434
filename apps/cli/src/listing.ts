import type { CentralOptions } from "./central-verb.ts";
import { createAdminClient, type Target } from "./client.ts";
import type { CommandContext } from "./context.ts";
import { renderTable, type Column } from "./table.ts";

/** What a list verb asks central for and how people see it. */
export interface Listing {
  readonly target: Target;
  readonly columns: readonly Column[];
  /** The sentence shown for no rows; says what to do about it. */
  readonly empty: string;
}

/**
 * Asks central for a list and prints it: `{"items":[...]}` with `--json`, else a table.
 *
 * @param context the verb's world
 * @param options what the command line says of central
 * @param listing route, columns and the sentence for no rows
 */
export async function printList(
  context: CommandContext,
  options: CentralOptions,
  listing: Listing,
): Promise<void> {
  const { output } = context;
  const items = await createAdminClient(context, options).list(listing.target);
  await output.print({ items }, () =>
    renderTable(listing.columns, items, { paint: output.paint, empty: listing.empty }),
  );
}
