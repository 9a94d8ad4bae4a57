import type { ExitStatus } from './container-runtime.js';
import { goDuration } from './go-duration.js';

/** Longest failure reason that leaves the rep, in characters; the BBS cuts further. */
const LONGEST_REASON = 10_000;

export const CODEPENDENT_EXITED = 'Codependent step exited';
export const PROCESS_DID_NOT_EXIT = 'process did not exit';
/** It ran, and its runtime has nothing of it any more (Diego's words, whose runtime is Garden). */
export const CONTAINER_MISSING = 'missing garden container';

const suffix = ({ code, outOfDisk, outOfMemory, lost }: ExitStatus): string => {
  if (outOfMemory && code !== 0) return ' (out of memory)';
  if (outOfDisk && code !== 0) return ' (out of disk)';
  return lost ? ' (its supervisor vanished)' : '';
};

/** The line in the application's log after a process has ended. `graceMs` is set when it outstayed it. */
export const exitLine = (exit: ExitStatus, exceededGraceMs?: number): string =>
  `Exit status ${exit.code}` +
  (exceededGraceMs === undefined
    ? ''
    : ` (exceeded ${goDuration(exceededGraceMs)} graceful shutdown interval)`) +
  suffix(exit);

export const exitReason = (logSource: string, exit: ExitStatus): string =>
  `${logSource}: Exited with status ${exit.code}${suffix(exit)}`;

export const timeoutReason = (timeoutMs: number, inner: string): string =>
  `exceeded ${goDuration(timeoutMs)} timeout; ${inner}`;

export const cutReason = (reason: string): string => reason.slice(0, LONGEST_REASON);

/** Lines about a container in its application's log, as Diego's rep writes them. */
export const containerTexts = (cellId: string, guid: string) => ({
  creating: `Cell ${cellId} creating container for instance ${guid}`,
  created: `Cell ${cellId} successfully created container for instance ${guid}`,
  notCreated: (reason: string): string =>
    `Cell ${cellId} failed to create container for instance ${guid}: ${reason}`,
  stopping: `Cell ${cellId} stopping instance ${guid}`,
  replacing: `Cell ${cellId} requesting replacement for instance ${guid}`,
  stranded: `Cell ${cellId} reached evacuation timeout for instance ${guid}`,
  destroying: `Cell ${cellId} destroying container for instance ${guid}`,
  destroyed: `Cell ${cellId} successfully destroyed container for instance ${guid}`,
  notDestroyed: (reason: string): string =>
    `Cell ${cellId} failed to destroy container for instance ${guid}: ${reason}`,
});
