/** Things in the order in which they come; whoever takes one waits for it. */
export interface ArrivalQueue<Item> {
  readonly put: (item: Item) => void;
  readonly take: () => Promise<Item>;
}

/** Makes an empty queue. */
export function createQueue<Item>(): ArrivalQueue<Item> {
  const items: Item[] = [];
  const waiting: ((item: Item) => void)[] = [];
  return {
    put: (item) => {
      const first = waiting.shift();
      if (first === undefined) {
        items.push(item);
      } else {
        first(item);
      }
    },
    take: () => {
      const item = items.shift();
      return item === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(item);
    },
  };
}
