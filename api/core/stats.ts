import { isDeferral } from '../../common/model/deferral.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import type { AppState, ProcessRow } from './rows.js';

export type InstanceState = 'RUNNING' | 'STARTING' | 'CRASHED' | 'DOWN';

export interface InstanceStats {
  index: number;
  state: InstanceState;
  /** seconds since it became RUNNING; 0 otherwise */
  uptime: number;
  /** placement error or the reason of a crash */
  details: string | null;
  /** the row that stands for the instance */
  actual?: ActualLrp;
}

const RANK: Record<ActualLrp['presence'], number> = { ORDINARY: 0, SUSPECT: 1, EVACUATING: 2 };

/** Which row stands for an index: a RUNNING one first, the slot's own before copies that are leaving. */
const better = (a: ActualLrp, b: ActualLrp): ActualLrp => {
  const running = Number(b.state === 'RUNNING') - Number(a.state === 'RUNNING');
  if (running !== 0) return running > 0 ? b : a;
  return RANK[b.presence] < RANK[a.presence] ? b : a;
};

/** One for which capacity is being sought is on its way. */
const isUnplaced = ({ state, placementError }: ActualLrp): boolean =>
  state === 'UNCLAIMED' && placementError !== '' && !isDeferral(placementError);

/** Cloud Controller's words for Diego's states. */
const stateOf = (actual: ActualLrp): InstanceState => {
  switch (actual.state) {
    case 'RUNNING':
      return actual.routable === false ? 'STARTING' : 'RUNNING';
    case 'CLAIMED':
      return 'STARTING';
    case 'UNCLAIMED':
      return isUnplaced(actual) ? 'DOWN' : 'STARTING';
    case 'CRASHED':
      return 'CRASHED';
  }
};

const detailsOf = (actual: ActualLrp): string | null => {
  if (actual.state === 'UNCLAIMED' && actual.placementError !== '') return actual.placementError;
  return actual.state === 'CRASHED' && actual.crashReason !== '' ? actual.crashReason : null;
};

/** One entry per instance: of a stopped app all DOWN, as Cloud Controller lists them. */
export const instanceStats = (input: {
  process: ProcessRow;
  appState: AppState;
  actuals: readonly ActualLrp[];
  /** ms since the epoch */
  nowMs: number;
}): InstanceStats[] => {
  const rows = new Map<number, ActualLrp>();
  for (const actual of input.appState === 'STARTED' ? input.actuals : []) {
    const known = rows.get(actual.index);
    rows.set(actual.index, known ? better(known, actual) : actual);
  }
  return Array.from({ length: input.process.instances }, (_, index) => {
    const actual = rows.get(index);
    if (!actual) return { index, state: 'DOWN', uptime: 0, details: null };
    const running = actual.state === 'RUNNING';
    const uptime = running ? Math.max(0, Math.floor((input.nowMs - actual.since / 1e6) / 1000)) : 0;
    return { index, state: stateOf(actual), uptime, details: detailsOf(actual), actual };
  });
};

/**
 * Per placement error the instance that was refused last. All instances of a process ask for the same, so what
 * is said of that one holds for all with the same error.
 */
export const worthAsking = (stats: readonly InstanceStats[]): ActualLrp[] => {
  const latest = new Map<string, ActualLrp>();
  for (const { actual } of stats) {
    if (!actual || !isUnplaced(actual)) continue;
    const known = latest.get(actual.placementError);
    if (!known || known.since < actual.since) latest.set(actual.placementError, actual);
  }
  return [...latest.values()];
};

/** The details of instances without a place, replaced by what `texts` has for their placement errors. */
export const withExplanations = (
  stats: readonly InstanceStats[],
  texts: ReadonlyMap<string, string>,
): InstanceStats[] =>
  stats.map((instance) => {
    const { actual } = instance;
    const text = actual && isUnplaced(actual) ? texts.get(actual.placementError) : undefined;
    return text === undefined ? instance : { ...instance, details: text };
  });
