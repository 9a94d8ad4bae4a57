/** Which downloaded files are kept: those in use, and the most recently used of the others up to a size. */

export interface CachedFile {
  /** '' = not to be found again */
  key: string;
  file: string;
  bytes: number;
  etag?: string;
  lastModified?: string;
}

export interface DownloadCache {
  get(key: string): CachedFile | undefined;
  /** takes the place of an older file of the same key */
  add(file: CachedFile): CachedFile;
  use(entry: CachedFile): void;
  /** one user less; answers the files that are not needed any more */
  release(entry: CachedFile): string[];
}

export const createDownloadCache = (maxBytes: number): DownloadCache => {
  const byKey = new Map<string, CachedFile>();
  const users = new Map<CachedFile, number>();
  /** unused, the longest unused first */
  const idle = new Set<CachedFile>();

  const drop = (entry: CachedFile): string => {
    idle.delete(entry);
    if (byKey.get(entry.key) === entry) byKey.delete(entry.key);
    return entry.file;
  };
  const evict = (): string[] => {
    const dropped: string[] = [];
    let bytes = [...idle].reduce((sum, entry) => sum + entry.bytes, 0);
    for (const entry of idle) {
      const current = byKey.get(entry.key) === entry;
      if (current && bytes <= maxBytes) continue;
      bytes -= entry.bytes;
      dropped.push(drop(entry));
    }
    return dropped;
  };

  return {
    get: (key) => (key === '' ? undefined : byKey.get(key)),
    add(entry) {
      if (entry.key !== '') byKey.set(entry.key, entry);
      return entry;
    },
    use(entry) {
      idle.delete(entry);
      users.set(entry, (users.get(entry) ?? 0) + 1);
    },
    release(entry) {
      const left = (users.get(entry) ?? 1) - 1;
      if (left > 0) {
        users.set(entry, left);
        return [];
      }
      users.delete(entry);
      idle.add(entry);
      return evict();
    },
  };
};
