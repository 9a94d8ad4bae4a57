import type { Clock } from '../../common/ports/clock.js';
import type { MesosBook } from '../core/book.js';
import { cellIdOf } from '../core/cell-id.js';
import type { Enrolling } from './enrolment.js';

/** Tasks of an executor that is not there yet are in these. */
const BEFORE: readonly string[] = ['LAUNCHED', 'TASK_STAGING'];

/** Who may enrol, by the books: also one that an earlier bridge launched, for as long as none of its tasks has begun. */
export const createEnrolling = (book: () => MesosBook, clock: Clock): Enrolling => ({
  expects(executorId, agentId) {
    const executor = book().executors.get(executorId);
    if (executor !== undefined && executor.agentId !== agentId) return false;
    if (executor?.state === 'launching') return true;
    const tasks = book()
      .tasks.onAgent(agentId)
      .filter((task) => task.executorId === executorId);
    return tasks.length > 0 && tasks.every(({ state }) => BEFORE.includes(state));
  },
  zoneOf: (agentId) =>
    book()
      .bids(clock.monotonic())
      .find(({ state }) => state.cellId === cellIdOf(agentId))?.state.zone ?? '',
});
