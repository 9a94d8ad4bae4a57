import type { BbsClient } from '../../bbs/index.js';
import type { ArchiveLimits } from '../../common/model/archive-rules.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { ApiMetrics } from '../metrics.js';
import type { AppTasks } from '../services/app-tasks.js';
import type { Auctions } from '../services/auctions.js';
import type { Cell } from '../services/cells.js';
import type { History } from '../services/history.js';
import type { Evacuate } from '../services/evacuations.js';
import type { Explain } from '../services/explain.js';
import type { Logs } from '../services/logs.js';
import type { Mesos } from '../services/mesos.js';
import type { Operations } from '../services/operations.js';
import type { Staging } from '../services/staging.js';
import type { BlobStore } from '../store/blobs.js';
import type { State } from '../store/state.js';

/** What request handlers work with. */
export interface Deps {
  readonly state: State;
  readonly blobs: BlobStore;
  readonly operations: Operations;
  readonly tasks: AppTasks;
  readonly staging: Staging;
  readonly logs: Logs;
  readonly bbs: BbsClient;
  readonly cells: () => Promise<BbsResult<Cell[]>>;
  readonly evacuate: Evacuate;
  readonly explain: Explain;
  readonly auctions: Auctions;
  readonly mesos: Mesos;
  readonly history: History;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  readonly maxUploadBytes: number;
  readonly archive: ArchiveLimits;
}
