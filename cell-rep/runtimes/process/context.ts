import type { ArchiveLimits } from '../../../common/model/archive-rules.js';
import type { Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { Helper } from './helper.js';
import type { ContainerRecord, Layout } from './layout.js';
import type { SupervisedProcess } from './process.js';
import type { DiskGuard } from '../disk-guard.js';
import type { ProcessTable } from './usage.js';

/** What all containers of a cell share. */
export interface CellContext {
  clock: Clock;
  logger: Logger;
  helper: Helper;
  /** by directory: whom to tell that a supervisor has ended */
  processes: Map<string, SupervisedProcess>;
  /** asks to be told of the end of a supervisor that this helper did not start */
  watch(dir: string): Promise<void>;
  /** where host ports answer */
  address: string;
  /** PATH of processes that have none */
  path: string;
  outputFileBytes: number;
  archiveLimits: ArchiveLimits;
  /** processes of this machine and what they take; undefined = nobody knows */
  processTable: ProcessTable;
  /** ends containers that take more disk than they may */
  disks: DiskGuard;
  /** gives ports and user back */
  release(record: ContainerRecord): void;
}

/** What the parts of one container share. */
export interface ContainerContext {
  cell: CellContext;
  layout: Layout;
  record: ContainerRecord;
  /** by id */
  processes: Map<string, SupervisedProcess>;
}
