/**
 * Where slots are found by a value of theirs. Most values of most indexes lead to one slot or a few, for which a Set
 * costs tens of MB per index at 250,000 rows, and half of the time that it takes to load them.
 */
export type SlotIndex<S> = Map<string, S | S[] | Set<S>>;

/** More of one value become a Set with the first change. */
const FEW = 32;

/** Of a slot that is not in the index yet. */
export const loadIntoIndex = <S extends object>(index: SlotIndex<S>, value: string, slot: S): void => {
  const found = index.get(value);
  if (found === undefined) index.set(value, slot);
  else if (Array.isArray(found)) found.push(slot);
  else if (found instanceof Set) found.add(slot);
  else index.set(value, [found, slot]);
};

/** The slots of a value where there are too many to look through. */
const manyOf = <S extends object>(index: SlotIndex<S>, value: string): Set<S> | undefined => {
  const found = index.get(value);
  if (found instanceof Set) return found;
  if (!Array.isArray(found) || found.length < FEW) return undefined;
  const many = new Set(found);
  index.set(value, many);
  return many;
};

export const addToIndex = <S extends object>(index: SlotIndex<S>, value: string, slot: S): void => {
  const many = manyOf(index, value);
  if (many) return void many.add(slot);
  const found = index.get(value);
  const isThere = found === slot || (Array.isArray(found) && found.includes(slot));
  if (!isThere) loadIntoIndex(index, value, slot);
};

export const removeFromIndex = <S extends object>(index: SlotIndex<S>, value: string, slot: S): void => {
  const many = manyOf(index, value);
  many?.delete(slot);
  const found = index.get(value);
  const at = Array.isArray(found) ? found.indexOf(slot) : -1;
  if (Array.isArray(found) && at !== -1) found.splice(at, 1);
  const isEmpty = found === slot || many?.size === 0 || (Array.isArray(found) && found.length === 0);
  if (isEmpty) index.delete(value);
};

export const slotsOfIndex = <S extends object>(index: SlotIndex<S>, value: string): Iterable<S> => {
  const found = index.get(value);
  if (found === undefined) return [];
  return Array.isArray(found) || found instanceof Set ? found : [found];
};
