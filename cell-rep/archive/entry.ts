/** What is wrong with an archive: raised by readers, answered by `unpack` as a reason. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/** One entry, as a reader met it. `content` must be consumed before the next entry is asked for. */
export type ArchiveEntry =
  | { kind: 'directory'; name: string; mode: number }
  | { kind: 'file'; name: string; mode: number; content: AsyncIterable<Uint8Array> }
  | { kind: 'symlink'; name: string; target: string }
  | { kind: 'hardlink'; name: string; target: string };
