/** Raw statuses as waitpid(2) gives them: 0x0100 · exit status, the low bits a signal. */
import { constants } from 'node:os';

/** What Mesos tells of an executor that the agent destroyed. */
export const DESTROYED = 9;

export const rawStatus = (code: number | null, signal: NodeJS.Signals | null): number =>
  signal === null ? (code ?? 0) << 8 : constants.signals[signal];
