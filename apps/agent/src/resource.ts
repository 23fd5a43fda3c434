import type { Part } from "@tautline/daemon";

/** A part that is a thing which is opened at start and closed at stop. */
export interface Resource<Thing> extends Part {
  /** The open thing; asking before start is a mistake in the order of the parts. */
  readonly value: Thing;
}

/**
 * Makes a part of something that is opened and closed.
 *
 * @param name for messages
 * @param open opens it
 * @param close closes it
 */
export function resource<Thing>(
  name: string,
  open: () => Thing | Promise<Thing>,
  close: (thing: Thing) => void | Promise<void> = () => {},
): Resource<Thing> {
  let held: { readonly thing: Thing } | undefined;
  return {
    name,
    get value() {
      if (held === undefined) throw new Error(`the part '${name}' is not started`);
      return held.thing;
    },
    async start() {
      held = { thing: await open() };
    },
    async stop() {
      const closing = held;
      held = undefined;
      if (closing !== undefined) await close(closing.thing);
    },
  };
}
