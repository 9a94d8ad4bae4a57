import { processEnvironment } from '../core/environment.js';
import { containerTexts, cutReason } from '../core/exit-texts.js';
import type { Container } from '../core/container-runtime.js';
import type { ContainerIdentity } from '../core/identity.js';
import type { ContainerState, RunOutcome } from '../core/life-cycle.js';
import type { RunPlan } from '../core/run-plan.js';
import type { ContainerLog } from '../logs/container-log.js';
import { createContainerLog } from '../logs/container-log.js';
import { pause } from '../waiting/pause.js';
import { backOff } from '../waiting/retry.js';
import { runBody } from './body.js';
import type { CellContext } from './context.js';
import type { ContainerMemory, ContainerRecord } from './memory.js';
import { createContainerMemory } from './memory.js';

/** ms between notes of how far output was read: what a killed rep's successor publishes twice, at most */
const NOTES_EVERY_MS = 1_000;

export interface RunHooks {
  onRunning(): void;
  onReady(ready: boolean): void;
}

export type Created = { ok: true } | { ok: false; reason: string };

/**
 * One container as LRPs and tasks share it: made, run, stopped, destroyed and noted down. Knows nothing
 * of the BBS.
 */
export interface Vessel {
  state(): ContainerState;
  setState(state: ContainerState): void;
  plan(): RunPlan | undefined;
  container(): Container | undefined;
  /** aborted once the container is to stop */
  readonly stopping: AbortSignal;
  /** aborted once the rep leaves its containers behind */
  readonly detached: AbortSignal;
  create(plan: RunPlan): Promise<Created>;
  adopt(container: Container, plan: RunPlan): void;
  /** resolves when the container's processes have ended; never, once detached */
  run(hooks: RunHooks): Promise<RunOutcome>;
  /** a line in the application's log, from its platform */
  say(text: string, stream?: 'OUT' | 'ERR'): void;
  requestStop(): void;
  complete(outcome: RunOutcome): void;
  /** resolves when the container is gone; retried for as long as it takes */
  destroy(): Promise<void>;
  /** the plan has changed: noted */
  notePlan(): void;
  /** nothing of it needs to be remembered any more */
  forget(): Promise<void>;
  /** leaves the container to whoever adopts it */
  detach(): Promise<void>;
}

const logOf = (plan: RunPlan, context: CellContext): ContainerLog =>
  createContainerLog({
    source: { logGuid: plan.identity.logGuid, index: plan.identity.index, tags: plan.logTags },
    bytesPerSecond: plan.logBytesPerSecond,
    publisher: context.logs,
    clock: context.clock,
  });

const createNoteKeeper = (guid: string, context: CellContext, record: () => ContainerRecord) => {
  let cancel: (() => void) | undefined;
  let written = Promise.resolve();
  const write = (): void => {
    cancel?.();
    cancel = undefined;
    written = context.notes.save(guid, record());
  };
  return {
    /** only containers that exist are noted */
    change(soon: boolean): void {
      if (soon) write();
      else cancel ??= context.clock.after(NOTES_EVERY_MS, write);
    },
    async flush(): Promise<void> {
      if (cancel !== undefined) write();
      await written;
    },
    stop(): void {
      cancel?.();
      cancel = undefined;
    },
  };
};

export const createVessel = (
  identity: ContainerIdentity,
  context: CellContext,
  record?: ContainerRecord,
): Vessel => {
  const { clock, cellId } = context;
  const { guid } = identity;
  const logger = context.logger.session('container-store', { guid });
  const texts = containerTexts(cellId, guid);
  const stop = new AbortController();
  const detach = new AbortController();
  let plan: RunPlan | undefined;
  let container: Container | undefined;
  let log: ContainerLog | undefined;
  const notes = createNoteKeeper(guid, context, () => memory.record());
  const memory: ContainerMemory = createContainerMemory((soon) => {
    if (plan !== undefined && !detach.signal.aborted) notes.change(soon);
  }, record);

  const setState = (state: ContainerState): void => {
    memory.setState(state);
    context.ledger.setState(guid, state);
    context.changed();
  };

  const say = (text: string, stream: 'OUT' | 'ERR' = 'OUT'): void =>
    log?.line(plan?.logSource ?? 'LOG', stream, text);

  const take = (made: Container, from: RunPlan): void => {
    container = made;
    plan = from;
    log ??= logOf(from, context);
  };

  const tryDestroy = async (made: Container): Promise<boolean> => {
    try {
      await made.destroy();
      return true;
    } catch (error) {
      logger.error('failed-to-destroy-container', { error });
      say(texts.notDestroyed(error instanceof Error ? error.message : String(error)), 'ERR');
      return false;
    }
  };

  return {
    state: () => memory.record().state,
    setState,
    plan: () => plan,
    container: () => container,
    stopping: stop.signal,
    detached: detach.signal,
    say,
    async create(from) {
      plan = from;
      log = logOf(from, context);
      say(texts.creating);
      await context.notes.savePlan(from);
      memory.setState('initializing');
      const created = await context.createSlots(() => context.runtime.create(from.spec));
      if (!created.ok) {
        logger.error('failed-to-create-container', { reason: created.reason });
        say(texts.notCreated(created.reason), 'ERR');
        return { ok: false, reason: `failed to create container: ${created.reason}` };
      }
      take(created.container, from);
      say(texts.created);
      return { ok: true };
    },
    adopt: take,
    async run(hooks) {
      if (container === undefined || plan === undefined || log === undefined) {
        throw new Error(`container ${guid} is run before it is made`);
      }
      const [made, from] = [container, plan];
      const result = await runBody({
        plan: from,
        memory,
        signal: stop.signal,
        ...hooks,
        context: {
          container: made,
          clock,
          log,
          logSource: from.logSource,
          downloader: context.downloader,
          memory,
          graceMs: context.times.graceMs,
          detached: detach.signal,
          environment: (own) =>
            processEnvironment({
              identity: from.identity,
              container: from.env,
              action: own,
              info: made.info(),
            }),
        },
      });
      const reason = result.ok ? '' : cutReason(result.reason);
      return { failed: !result.ok, reason, stopped: stop.signal.aborted, retryable: result.retryable };
    },
    requestStop() {
      stop.abort();
    },
    complete(outcome) {
      memory.setOutcome(outcome);
      setState('completed');
      // before anybody is told of the end, its last words are out
      log?.flush();
    },
    async destroy() {
      if (container === undefined) return;
      say(texts.destroying);
      for (let attempt = 1; !(await tryDestroy(container)); attempt += 1) {
        if (!(await pause(clock, backOff(attempt, context.random), detach.signal))) return;
      }
      say(texts.destroyed);
    },
    notePlan() {
      if (plan !== undefined) void context.notes.savePlan(plan);
    },
    async forget() {
      notes.stop();
      log?.close();
      if (plan !== undefined || record !== undefined) await context.notes.remove(guid);
    },
    async detach() {
      detach.abort();
      log?.flush();
      await notes.flush();
    },
  };
};
