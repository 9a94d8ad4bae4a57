import type { CellBackend } from '../backends/cell-backend.js';
import type { Failure } from '../core/decide.js';
import { type Deferred, type Unplaced, sortUnplaced } from '../core/outcomes.js';

/** Whether anybody may seek capacity for what finds no place. */
export const canSeek = (backend: CellBackend): boolean =>
  backend.seek !== undefined || (backend.next !== undefined && canSeek(backend.next));

/** Tells each backend in turn what has no place, and sorts out what waits for capacity that one of them seeks. */
export const seekFor = async (
  first: CellBackend,
  failures: readonly Failure[],
  traceId: string,
): Promise<Unplaced> => {
  let failed: readonly Failure[] = failures;
  const deferred: Deferred[] = [];
  for (let at: CellBackend | undefined = first; at !== undefined && failed.length > 0; at = at.next) {
    if (at.seek === undefined) continue;
    const auctions = failed.map(({ auction }) => auction);
    const sorted = sortUnplaced(failed, await at.seek(auctions, traceId));
    failed = sorted.failed;
    for (const one of sorted.deferred) deferred.push(one);
  }
  return { failed: [...failed], deferred };
};
