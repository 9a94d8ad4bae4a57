import type { CellState } from '../../common/model/cell.js';

type Counts = CellState['lrpCounts'];

/**
 * Counts with more in them, put together when somebody looks through them: most cells tell theirs anew before anybody
 * does. A class, since thousands are made in a batch.
 */
class MoreCounts implements Counts {
  #whole: Map<string, number> | undefined;

  constructor(
    private readonly counts: Counts,
    private readonly more: ReadonlyMap<string, number>,
  ) {}

  #all(): Map<string, number> {
    return (this.#whole ??= new Map([...this.counts, ...this.more]));
  }

  get size(): number {
    return this.#all().size;
  }

  get(guid: string): number | undefined {
    return this.more.get(guid) ?? this.counts.get(guid);
  }

  has(guid: string): boolean {
    return this.more.has(guid) || this.counts.has(guid);
  }

  forEach(callback: (instances: number, guid: string, map: Counts) => void): void {
    this.#all().forEach(callback);
  }

  keys(): MapIterator<string> {
    return this.#all().keys();
  }

  values(): MapIterator<number> {
    return this.#all().values();
  }

  entries(): MapIterator<[string, number]> {
    return this.#all().entries();
  }

  [Symbol.iterator](): MapIterator<[string, number]> {
    return this.entries();
  }
}

/** `added`: of each process in it one instance more. */
export const createMoreCounts = (counts: Counts, added: readonly string[]): Counts => {
  const more = new Map<string, number>();
  for (const guid of added) more.set(guid, (more.get(guid) ?? counts.get(guid) ?? 0) + 1);
  return new MoreCounts(counts, more);
};
