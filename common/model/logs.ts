/** One line of an application's or platform's output about a container. */
export interface LogLine {
  /** ns since the epoch as a decimal string; strictly increasing per source */
  timestamp: string;
  /** 'APP/PROC/WEB', 'APP/TASK/<name>', 'STG', 'CELL', 'HEALTH', 'RTR', 'API' */
  sourceType: string;
  stream: 'OUT' | 'ERR';
  /** base64 of the line's bytes, without its newline; ≤ 61,440 bytes decoded */
  payload: string;
}

/** What travels on `log.<guid>.<index>` (JSON): some lines of one source, oldest first. */
export interface LogBatch {
  /** the LRP's or task's log guid */
  sourceId: string;
  /** instance index */
  instanceId: string;
  tags: Record<string, string>;
  /** who says so, and when, ns by its own clock: clocks of several machines differ */
  sender?: { cellId: string; sentAt: string };
  lines: LogLine[];
}
