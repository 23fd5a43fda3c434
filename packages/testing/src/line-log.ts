/** Text as it arrives, kept from the first line on, for any number of readers. */
export interface LineLog extends AsyncIterable<string> {
  /** Everything so far. */
  readonly text: string;
  /** Every line so far. */
  readonly lines: readonly string[];
  /** Takes the next piece of text, cut anywhere. */
  readonly write: (text: string) => void;
  /** No more will come; an unfinished last line counts as a line. */
  readonly end: () => void;
}

/** Makes an empty log. Each `for await` over it starts at its first line and ends after `end`. */
export function createLineLog(): LineLog {
  const lines: string[] = [];
  let text = "";
  let rest = "";
  let ended = false;
  let arrival = Promise.withResolvers<void>();
  const announce = (): void => {
    arrival.resolve();
    arrival = Promise.withResolvers<void>();
  };
  return {
    lines,
    get text() {
      return text;
    },
    write: (piece) => {
      text += piece;
      const complete = (rest + piece).split("\n");
      rest = complete.pop() ?? "";
      lines.push(...complete);
      announce();
    },
    end: () => {
      if (rest !== "") lines.push(rest);
      rest = "";
      ended = true;
      announce();
    },
    async *[Symbol.asyncIterator]() {
      for (let next = 0; ;) {
        const line = lines[next];
        if (line !== undefined) {
          next += 1;
          yield line;
        } else if (ended) {
          return;
        } else {
          await arrival.promise;
        }
      }
    },
  };
}
