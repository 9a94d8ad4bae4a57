import { join } from 'node:path';
import type { Logger } from '../../common/ports/logger.js';
import { createPartNotes } from '../../common/runtime/part-notes.js';
import type { RunPlan } from '../core/run-plan.js';
import type { ContainerNotes, ContainerRecord, StoredContainer } from './memory.js';

/** A plan never changes, and is long; how far it has got changes often. */
type NotedContainer = { plan: RunPlan; record: ContainerRecord };

const FILE = 'notes.jsonl';

/** Of a container whose rep was killed between its plan and its first record. */
const UNKNOWN: ContainerRecord = { state: 'initializing', setUp: false, done: [], started: {}, outputs: {} };

/**
 * Notes on all containers in one file below `dir` (0600: plans hold the application's environment). To be loaded before
 * anything is saved. What cannot be written is logged, since the containers matter more, and written with what comes next.
 */
export const createFileNotes = (dir: string, logger: Logger): ContainerNotes => {
  const notes = createPartNotes<NotedContainer>({
    path: join(dir, FILE),
    keyName: 'guid',
    onError: (error) => logger.error('failed-to-write-container-notes', { error }),
  });
  return {
    async load() {
      return [...(await notes.load())].map(([guid, { plan, record = UNKNOWN }]): StoredContainer => ({
        guid,
        record,
        ...(plan && { plan }),
      }));
    },
    savePlan: (plan) => notes.change(plan.identity.guid, { plan }),
    save: (guid, record) => notes.change(guid, { record }),
    remove: notes.remove,
  };
};

/** For cells whose containers do not outlive the rep. */
export const createNoNotes = (): ContainerNotes => ({
  load: () => Promise.resolve([]),
  savePlan: () => Promise.resolve(),
  save: () => Promise.resolve(),
  remove: () => Promise.resolve(),
});
