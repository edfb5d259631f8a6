// Work on many items, so many at a time.

/** Items that wait to be worked on, in their order. */
export class WorkQueue<Item> {
  #items: readonly Item[] = [];
  #place = 0;

  /** Instead of what is left. */
  fill(items: readonly Item[]): void {
    this.#items = items;
    this.#place = 0;
  }

  /** What has not been begun is not begun any more. */
  clear(): void {
    this.#place = this.#items.length;
  }

  /** What has not been begun. */
  get rest(): readonly Item[] {
    return this.#items.slice(this.#place);
  }

  get isEmpty(): boolean {
    return this.#place >= this.#items.length;
  }

  next(): Item | undefined {
    return this.#items[this.#place++];
  }
}

const nothingToDo = Promise.resolve();

/**
 * Takes item after item from the queue until there is none, `width` at a time. When the work on one rejects, no other is begun, and the
 * reason comes out as soon as all that was begun has ended. A queue of one item, the usual one, costs nothing beside the work.
 */
export function inLanes<Item>(
  queue: WorkQueue<Item>,
  width: number,
  work: (item: Item) => Promise<unknown>,
): Promise<unknown> {
  const first = queue.next();
  if (first === undefined) return nothingToDo;
  if (queue.isEmpty) return work(first);
  const lane = async (begun: Item | undefined): Promise<void> => {
    for (let item = begun; item !== undefined; item = queue.next()) {
      try {
        await work(item);
      } catch (error) {
        queue.clear();
        throw error;
      }
    }
  };
  if (width === 1) return lane(first);
  return allOf(Array.from({ length: width }, (_, index) => lane(index === 0 ? first : queue.next())));
}

async function allOf(lanes: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(lanes);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
