import type { Container } from '../core/container-runtime.js';
import { fromTags } from '../core/identity.js';
import type { Cell } from './cell.js';
import type { CellContext } from './context.js';
import type { StoredContainer } from './memory.js';

const adoptOne = async (
  container: Container,
  stored: StoredContainer | undefined,
  { cell, context }: { cell: Cell; context: CellContext },
): Promise<void> => {
  const { guid } = container;
  const identity = fromTags(guid, container.info().tags);
  if (identity === undefined) {
    context.logger.warn('destroying-unknown-container', { guid });
    return container.destroy();
  }
  context.logger.info('adopting-container', {
    guid,
    kind: identity.kind,
    state: stored?.record.state ?? 'unknown',
  });
  cell.resume(identity, { container, ...(stored === undefined ? {} : { stored }) });
};

/** A container that is gone: its end is reported if it was known, else the next sync finds its row. */
const settleGone = async (
  stored: StoredContainer,
  { cell, context }: { cell: Cell; context: CellContext },
) => {
  if (stored.plan !== undefined && stored.record.outcome !== undefined) {
    return cell.resume(stored.plan.identity, { stored });
  }
  await context.notes.remove(stored.guid);
};

/**
 * Takes over what an earlier life of the rep has left running (design §10): nothing restarts, what ended
 * meanwhile is reported with its exit status, what nobody knows is destroyed.
 */
export const adoptContainers = async (parts: { cell: Cell; context: CellContext }): Promise<number> => {
  const { runtime, notes, logger } = parts.context;
  const [containers, stored] = await Promise.all([runtime.adopt(), notes.load()]);
  const notesOf = new Map(stored.map((one) => [one.guid, one]));
  for (const container of containers) {
    await adoptOne(container, notesOf.get(container.guid), parts).catch((error: unknown) =>
      logger.error('failed-to-adopt-container', { guid: container.guid, error }),
    );
    notesOf.delete(container.guid);
  }
  for (const gone of notesOf.values()) await settleGone(gone, parts);
  return containers.length;
};
