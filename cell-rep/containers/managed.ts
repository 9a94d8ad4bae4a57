import type { Routes } from '../../common/model/lrp.js';
import type { UpdateRequest } from '../../common/model/auction.js';
import type { Container } from '../core/container-runtime.js';
import type { ContainerIdentity } from '../core/identity.js';
import type { ContainerState, RunOutcome, StopCause } from '../core/life-cycle.js';
import type { Measured } from './measuring.js';
import type { StoredContainer } from './memory.js';

/** A container with a purpose: one LRP instance or one task, from its reservation until the BBS knows its end. */
export interface ManagedContainer {
  readonly identity: ContainerIdentity;
  state(): ContainerState;
  /** how it ended; undefined before */
  outcome(): RunOutcome | undefined;
  /**
   * Resolves when the container is gone and the BBS has been told. `graceMs`: between SIGTERM and SIGKILL, the cell's own
   * when absent; the first call decides.
   */
  stop(cause: StopCause, graceMs?: number): Promise<void>;
  /** the rep leaves, the container stays */
  detach(): Promise<void>;
  /** tells the BBS again what it should know already */
  report(): void;
  /** the cell drains: asks for a replacement, which what runs here waits for; tasks run to their end */
  evacuate(): void;
  /** the time to drain is over: what is left of it goes, replaced or not */
  strand(): Promise<void>;
  /** internal routes and metric tags have changed; ignored by tasks */
  update(change: UpdateRequest): void;
  routesChanged(routes: Routes): void;
  /** what it takes now; undefined: there is no container yet, or any more */
  measure(): Promise<Measured | undefined>;
  /** resolves when there is nothing left to do */
  readonly settled: Promise<void>;
}

/** A container found again after a restart. */
export interface Resume {
  /** absent: it is gone, and only its end is left to be reported */
  container?: Container;
  stored?: StoredContainer;
}
