import type { TableSpec } from './contract.js';

/**
 * A row that was found in the store and that nobody has looked at yet. Most of the time that it takes to load 250,000
 * rows goes into decoding them, and nobody wants all of them at once.
 */
export class Deferred {
  constructor(
    readonly text: string,
    /** a bit for each index of the spec that it is found by, in their order */
    readonly found: number,
  ) {}
}

export interface FoundRow<T> {
  readonly row: T | Deferred;
  /** by the indexes of the spec, in their order; null = left out */
  readonly indexed: readonly (string | null)[];
}

type Spec<T> = Pick<TableSpec<T>, 'encode' | 'decode' | 'indexes' | 'deferred'>;

const indexedOf = <T>({ indexes }: Spec<T>, row: T): (string | null)[] =>
  Object.values(indexes).map((valueOf) => valueOf(row) ?? null);

/** What is stored of a row: of one that is decoded late, what it is found by goes before, in a line of its own. */
export const encodeRow = <T>(spec: Spec<T>, row: T): string =>
  spec.deferred ? `${JSON.stringify(indexedOf(spec, row))}\n${spec.encode(row)}` : spec.encode(row);

/** Reads the row itself, whatever goes before it. JSON has no line ends but those between its parts. */
export const decodeRow = <T>(spec: Spec<T>, text: string): T =>
  spec.decode(spec.deferred ? bareText(text) : text);

/** A row as its spec encodes it, whether it has been looked at or not. */
export const textOf = <T>(spec: Spec<T>, row: T | Deferred): string =>
  row instanceof Deferred ? bareText(row.text) : spec.encode(row);

/** What is stored of a row without what it is found by. */
export const bareText = (text: string): string => text.slice(text.indexOf('\n') + 1);

const bitsOf = (indexed: readonly (string | null)[]): number =>
  indexed.reduce((bits, value, nth) => (value === null ? bits : bits | (1 << nth)), 0);

/** What a row is found by in the `nth` index, without decoding it. */
export const indexedText = ({ text }: Deferred, nth: number): string | undefined =>
  (JSON.parse(text.slice(0, text.indexOf('\n'))) as (string | null)[])[nth] ?? undefined;

/** As many as the spec has now; undefined for a row of when there were others. */
const readIndexed = <T>({ indexes }: Spec<T>, text: string): (string | null)[] | undefined => {
  const end = text.indexOf('\n');
  if (end === -1) return undefined;
  const indexed = JSON.parse(text.slice(0, end)) as (string | null)[];
  return indexed.length === Object.keys(indexes).length ? indexed : undefined;
};

/** A row as it is loaded: decoded at once unless all that it is found by is known without. */
export const findRow = <T>(spec: Spec<T>, text: string): FoundRow<T> => {
  const indexed = spec.deferred ? readIndexed(spec, text) : undefined;
  if (indexed) return { row: new Deferred(text, bitsOf(indexed)), indexed };
  const row = decodeRow(spec, text);
  return { row, indexed: indexedOf(spec, row) };
};
