import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import { within } from '../waiting/pause.js';
import type { Cell } from './cell.js';
import { endContainers } from './shutdown.js';

export interface EvacuationOptions {
  cell: Pick<Cell, 'containers'>;
  clock: Clock;
  logger: Logger;
  /** ms until what is left is given up */
  timeoutMs: number;
  /** ms that containers may then take to end */
  settleMs: number;
  /** it has begun: whoever places work hears of it, and the BBS is asked more often */
  onBegin(): void;
  /** how many instances were given up without a replacement; told once, at the end */
  onStranded(count: number): void;
}

/** A cell being emptied (behaviour sheet §7.1). There is no way back but a new start of the rep. */
export interface Evacuation {
  /** calling it again does nothing */
  begin(): void;
  begun(): boolean;
  finished(): boolean;
  /** resolves when nothing is left here and the rep may end; never, if it is not begun */
  readonly done: Promise<void>;
}

const isLrp = ({ identity }: ReturnType<Cell['containers']>[number]): boolean => identity.kind === 'lrp';

/** None come: no work is taken. */
const untilEmpty = async (cell: EvacuationOptions['cell']): Promise<true> => {
  for (let all = cell.containers(); all.length > 0; all = cell.containers()) {
    await Promise.all(all.map(({ settled }) => settled));
  }
  return true;
};

const drain = async (options: EvacuationOptions): Promise<void> => {
  const { cell, clock, logger } = options;
  for (const one of cell.containers()) one.evacuate();
  const empty = await within(clock, options.timeoutMs, untilEmpty(cell));
  const stranded = cell.containers().filter(isLrp).length;
  if (empty === undefined) {
    logger.warn('evacuation-timed-out', { stranded, containers: cell.containers().length });
    options.onStranded(stranded);
    await endContainers({ ...options, timeoutMs: options.settleMs, end: (one) => one.strand() });
  }
  logger.info('evacuation-complete', { stranded });
};

export const createEvacuation = (options: EvacuationOptions): Evacuation => {
  const { cell, logger } = options;
  let begun = false;
  let finished = false;
  let resolveDone: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (resolveDone = resolve));
  const finish = (): void => {
    finished = true;
    resolveDone();
  };
  return {
    begin() {
      if (begun) return;
      begun = true;
      logger.info('evacuation-started', { containers: cell.containers().length });
      options.onBegin();
      unattended({ logger, event: 'evacuation-failed' }, () => drain(options).finally(finish));
    },
    begun: () => begun,
    finished: () => finished,
    done,
  };
};
