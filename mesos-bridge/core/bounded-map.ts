/** A map that holds the latest so many: what was put in first goes first. */
export interface BoundedMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  size(): number;
  /** the oldest first */
  values(): V[];
}

export const createBoundedMap = <V>(most: number): BoundedMap<V> => {
  const map = new Map<string, V>();
  return {
    get: (key) => map.get(key),
    set(key, value) {
      map.delete(key);
      map.set(key, value);
      if (map.size <= most) return;
      const [oldest] = map.keys();
      if (oldest !== undefined) map.delete(oldest);
    },
    delete: (key) => void map.delete(key),
    size: () => map.size,
    values: () => [...map.values()],
  };
};
