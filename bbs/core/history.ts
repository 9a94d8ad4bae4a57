import type { BbsEvent } from '../../common/model/events.js';
import type { Happening, HistoryEntry } from '../../common/model/history.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';

/** What a decision did to somebody; when, and as which number, is not the decision's to say. */
export type Noted = Omit<HistoryEntry, 'number' | 'at'>;

/** The index that stands for a whole process, or for a task. */
export const WHOLE = -1;

type Details = Partial<Pick<Noted, 'count' | 'reason'>>;

const ofGuid = (what: Happening, guid: string, details: Details = {}): Noted => ({
  what,
  guid,
  index: WHOLE,
  more: 0,
  instanceGuid: '',
  cellId: '',
  count: 0,
  reason: '',
  ...details,
});

const ofInstance = (what: Happening, row: ActualLrp, details: Details = {}): Noted => ({
  ...ofGuid(what, row.processGuid, details),
  index: row.index,
  instanceGuid: row.instanceGuid,
  cellId: row.cellId,
});

const ofTask = (what: Happening, task: Task, details: Details = {}): Noted => ({
  ...ofGuid(what, task.taskGuid, details),
  cellId: task.cellId,
});

/** Names of what an update changed, other than the number of instances. */
const changedParts = (before: DesiredLrp, after: DesiredLrp): string[] =>
  (['routes', 'annotation', 'metricTags', 'imageUsername'] as const)
    .filter((part) => JSON.stringify(before[part]) !== JSON.stringify(after[part]))
    .map(
      (part) =>
        ({
          routes: 'routes',
          annotation: 'annotation',
          metricTags: 'metric tags',
          imageUsername: 'image user',
        })[part],
    );

const desiredChange = (before: DesiredLrp, after: DesiredLrp): Noted => {
  const instances =
    before.instances === after.instances ? [] : [`instances from ${before.instances} to ${after.instances}`];
  const reason = [...instances, ...changedParts(before, after)].join(', ');
  return ofGuid('changed', after.processGuid, { count: after.instances, reason });
};

const PRESENCES = { SUSPECT: 'suspect', ORDINARY: 'back', EVACUATING: 'evacuating' } as const;
const STATES = { UNCLAIMED: 'waiting', CLAIMED: 'claimed', RUNNING: 'running', CRASHED: 'crashed' } as const;

const isRoutable = ({ routable }: ActualLrp): boolean => routable ?? true;

/** A change of which people see nothing is none. */
const instanceChange = (before: ActualLrp, after: ActualLrp): Noted | undefined => {
  if (before.presence !== after.presence) return ofInstance(PRESENCES[after.presence], after);
  if (before.state !== after.state) {
    return ofInstance(STATES[after.state], after, {
      reason: after.state === 'UNCLAIMED' ? after.placementError : '',
    });
  }
  if (after.placementError !== '' && before.placementError !== after.placementError) {
    return ofInstance('unplaced', after, { reason: after.placementError });
  }
  if (after.state === 'RUNNING' && isRoutable(before) !== isRoutable(after)) {
    return ofInstance(isRoutable(after) ? 'routable' : 'unroutable', after);
  }
  return undefined;
};

const instanceCreated = (row: ActualLrp): Noted =>
  ofInstance(row.presence === 'EVACUATING' ? 'evacuating' : STATES[row.state], row);

const taskChange = (before: Task, after: Task): Noted | undefined => {
  const { rejectionCount: count, rejectionReason: reason } = after;
  if (after.state === 'Completed' && before.state !== 'Resolving') {
    const where = { ...after, cellId: before.cellId };
    return after.failed
      ? ofTask('failed', where, { reason: after.failureReason })
      : ofTask('succeeded', where);
  }
  if (after.state === 'Pending' && (count !== before.rejectionCount || reason !== before.rejectionReason)) {
    return ofTask('rejected', { ...after, cellId: before.cellId }, { count, reason });
  }
  if (after.state === before.state) return undefined;
  if (after.state === 'Running') return ofTask('started', after);
  return after.state === 'Resolving' ? ofTask('resolving', after) : undefined;
};

const noteOf = (event: BbsEvent): Noted | undefined => {
  switch (event.kind) {
    case 'desired_lrp_created':
      return ofGuid('desired', event.desiredLrp.processGuid, { count: event.desiredLrp.instances });
    case 'desired_lrp_changed':
      return desiredChange(event.before, event.after);
    case 'desired_lrp_removed':
      return ofGuid('undesired', event.desiredLrp.processGuid);
    case 'actual_lrp_instance_created':
      return instanceCreated(event.actualLrp);
    case 'actual_lrp_instance_changed':
      return instanceChange(event.before, event.after);
    case 'actual_lrp_instance_removed':
      return ofInstance('removed', event.actualLrp);
    case 'actual_lrp_crashed': {
      const { processGuid, index, instanceGuid, cellId, crashCount: count, crashReason: reason } = event;
      return { ...ofGuid('crashed', processGuid, { count, reason }), index, instanceGuid, cellId };
    }
    case 'task_created':
      return ofTask('submitted', event.task);
    case 'task_changed':
      return taskChange(event.before, event.after);
    case 'task_removed':
      return ofTask('removed', event.task);
    case 'cell_appeared':
    case 'cell_disappeared':
      return undefined;
  }
};

/** A crash says what became of its slot; the rows that go and come with it say the same again. */
const saysAgain = (note: Noted, crashes: ReadonlySet<string>): boolean =>
  note.what !== 'crashed'
    ? (note.what === 'waiting' || note.what === 'removed') && crashes.has(`${note.guid}/${note.index}`)
    : note.count === 0;

const isNext = (last: Noted, note: Noted): boolean =>
  note.index !== WHOLE &&
  note.index === last.index + last.more + 1 &&
  note.guid === last.guid &&
  note.what === last.what &&
  note.reason === last.reason &&
  note.instanceGuid === '' &&
  last.instanceGuid === '';

/** What a decision did, as people are told of it later; instances in a row to which the same happened are one entry. */
export const historyOf = (events: readonly BbsEvent[]): Noted[] => {
  const crashes = new Set<string>();
  const notes: Noted[] = [];
  for (const event of events) {
    if (event.kind === 'actual_lrp_crashed') crashes.add(`${event.processGuid}/${event.index}`);
    const note = noteOf(event);
    if (note === undefined || saysAgain(note, crashes)) continue;
    const last = notes.at(-1);
    if (last !== undefined && isNext(last, note)) last.more += 1;
    else notes.push(note);
  }
  return notes;
};

/** Whether an entry is about that instance: its own, one of several, or of the whole process. */
export const concerns = ({ index, more }: HistoryEntry, wanted: number): boolean =>
  wanted === WHOLE || index === WHOLE || (index <= wanted && wanted <= index + more);
