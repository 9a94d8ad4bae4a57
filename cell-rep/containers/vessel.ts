import type { Logger } from '../../common/ports/logger.js';
import type { StepContext } from '../actions/step.js';
import { processEnvironment } from '../core/environment.js';
import { containerTexts, cutReason } from '../core/exit-texts.js';
import type { Container, ContainerSpec, CreateResult, ImageCredentials } from '../core/container-runtime.js';
import type { ContainerIdentity } from '../core/identity.js';
import { endOf } from '../core/life-cycle.js';
import type { ContainerState, RunOutcome, StopCause } from '../core/life-cycle.js';
import type { RunPlan } from '../core/run-plan.js';
import type { ContainerLog } from '../logs/container-log.js';
import { createContainerLog } from '../logs/container-log.js';
import { pause } from '../waiting/pause.js';
import { backOff } from '../waiting/retry.js';
import type { Measured } from './measuring.js';
import type { ContainerChange } from '../work-source.js';
import { runBody } from './body.js';
import type { BodyOptions } from './body.js';
import type { CellContext } from './context.js';
import { keepCredentials } from './credentials.js';
import type { CredentialKeeper } from './credentials.js';
import type { ContainerMemory, ContainerRecord } from './memory.js';
import { createContainerMemory } from './memory.js';
import { mountVolumes } from './mounting.js';

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
  outcome(): RunOutcome | undefined;
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
  measure(): Promise<Measured | undefined>;
  /** a line in the application's log, from its platform */
  say(text: string): void;
  /** it ran, and nothing of it is left: an earlier life of the rep has not ended it */
  isMissing(): boolean;
  /** it is known how it ends, of an earlier life of the rep too: it only has to be ended */
  isDecided(): boolean;
  /** why it was told to end, in an earlier life of the rep too; undefined: it was not */
  stopCause(): StopCause | undefined;
  /** resolves when a later life of the rep would know: only then may it be stopped */
  noteStop(cause: StopCause): Promise<void>;
  /** nothing happens, once detached. `graceMs`: between SIGTERM and SIGKILL; the cell's own when absent */
  requestStop(graceMs?: number): void;
  /** resolves when a later life of the rep would know: only then may it be told, and destroyed */
  complete(outcome: RunOutcome): Promise<void>;
  /** resolves when the container is gone; retried for as long as it takes */
  destroy(): Promise<void>;
  /** its room is free: nothing of it is left */
  release(): void;
  /** the same, of what was never begun, and why not */
  abandon(reason: string): void;
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
    limits: { bytesPerSecond: plan.logBytesPerSecond, linesPerSecond: context.logLinesPerSecond },
    onLimit: context.metrics.logLimitExceeded,
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

/** What a vessel's functions share. */
interface Hull {
  readonly guid: string;
  readonly context: CellContext;
  readonly logger: Logger;
  readonly memory: ContainerMemory;
  readonly stop: AbortController;
  readonly detach: AbortController;
  plan?: RunPlan;
  container?: Container;
  log?: ContainerLog;
  /** ms that its end was given, when others than the cell's own */
  graceMs?: number | undefined;
}

const say = (hull: Hull, text: string, stream: 'OUT' | 'ERR' = 'OUT'): void =>
  hull.log?.line(hull.plan?.logSource ?? 'LOG', stream, text);

const take = (hull: Hull, container: Container, plan: RunPlan): void => {
  hull.container = container;
  hull.plan = plan;
  hull.log ??= logOf(plan, hull.context);
};

/** How long it waited for its turn is no part of the time. */
const makeContainer = async (
  { clock, metrics, runtime }: CellContext,
  spec: ContainerSpec,
  credentials: ImageCredentials | undefined,
): Promise<CreateResult> => {
  const from = clock.monotonic();
  const created = await runtime.create(spec, credentials);
  metrics.containerCreated({ ok: created.ok, ms: clock.monotonic() - from });
  return created;
};

const create = async (hull: Hull, whole: RunPlan): Promise<Created> => {
  const { imageCredentials, ...plan } = whole;
  const { context, guid, logger, memory } = hull;
  const texts = containerTexts(context.cellId, guid);
  hull.plan = plan;
  hull.log = logOf(plan, context);
  say(hull, texts.creating);
  // noted first: a container that is found without its plan could not be gone on with
  await context.notes.savePlan(plan);
  memory.setState('initializing');
  const failed = (what: string, reason: string): Created => {
    logger.error('failed-to-create-container', { reason });
    say(hull, texts.notCreated(reason), 'ERR');
    return { ok: false, reason: `${what}: ${reason}` };
  };
  const mounted = await mountVolumes(context.volumeDrivers, plan.volumes ?? []);
  if (!mounted.ok) return failed('failed to mount volume', mounted.reason);
  const { mounts } = mounted;
  const spec = mounts.length > 0 ? { ...plan.spec, mounts } : plan.spec;
  const created = await context.createSlots(() => makeContainer(context, spec, imageCredentials));
  if (!created.ok) return failed('failed to create container', created.reason);
  take(hull, created.container, plan);
  memory.startedAt(MADE, context.clock.now());
  say(hull, texts.created);
  return { ok: true };
};

/** Credentials for the container, where the cell makes any. */
const credentialsOf = ({ container, context, detach, logger, plan }: Hull): CredentialKeeper | undefined => {
  const { clock, credentials: issuer, metrics } = context;
  if (issuer === undefined || container === undefined || plan === undefined) return undefined;
  const { guid } = plan.identity;
  const subject = { guid, organizationalUnits: plan.organizationalUnits ?? [] };
  const onIssued = metrics.credentialsCreated;
  const keeper = keepCredentials({ container, issuer, subject, clock, logger, onIssued });
  detach.signal.addEventListener('abort', keeper.end, { once: true });
  return keeper;
};

/** '' once they are there. What an adopted container has holds until it has others. */
const provideCredentials = async (keeper: CredentialKeeper | undefined): Promise<string> => {
  if (keeper === undefined) return '';
  const reason = keeper.container.info().processes.length > 0 ? '' : await keeper.begin();
  return reason === '' ? '' : `failed to create credentials directory: ${reason}`;
};

const run = async (hull: Hull, hooks: RunHooks & Pick<BodyOptions, 'noted'>): Promise<RunOutcome> => {
  const keeper = credentialsOf(hull);
  try {
    const reason = await provideCredentials(keeper);
    if (reason !== '') return { failed: true, reason: cutReason(reason), stopped: false, retryable: true };
    return await runWith(hull, hooks, keeper?.container ?? hull.container);
  } finally {
    keeper?.end();
  }
};

const runWith = async (
  hull: Hull,
  hooks: RunHooks & Pick<BodyOptions, 'noted'>,
  container: Container | undefined,
): Promise<RunOutcome> => {
  const { context, detach, guid, log, memory, plan, stop } = hull;
  if (container === undefined || plan === undefined || log === undefined) {
    throw new Error(`container ${guid} is run before it is made`);
  }
  const steps: StepContext = {
    container,
    clock: context.clock,
    log,
    logSource: plan.logSource,
    downloader: context.downloader,
    uploader: context.uploader,
    files: plan.files ?? [],
    exitedOnTimeout: context.metrics.exitedOnTimeout,
    memory,
    graceMs: () => hull.graceMs ?? context.times.graceMs,
    detached: detach.signal,
    environment: (own) =>
      processEnvironment({
        identity: plan.identity,
        container: plan.env,
        action: own,
        info: container.info(),
        certificatesPath: plan.certificatesPath ?? '',
        hasCredentials: context.credentials !== undefined,
      }),
  };
  const result = await runBody({ plan, memory, signal: stop.signal, ...hooks, context: steps });
  const reason = result.ok ? '' : cutReason(result.reason);
  const exit = result.ok ? undefined : result.exit;
  const { retryable } = result;
  return { failed: !result.ok, reason, stopped: stop.signal.aborted, retryable, ...(exit && { exit }) };
};

/** Under this name the memory keeps when the container was made. */
const MADE = 'container';

const measure = async ({ container, context, log, memory, plan }: Hull): Promise<Measured | undefined> => {
  if (container === undefined || plan === undefined || memory.state() === 'completed') return undefined;
  const usage = await container.usage();
  const now = context.clock.now();
  return { plan, usage, ageMs: Math.max(0, now - memory.startedAt(MADE, now)), logBytes: log?.bytes() ?? 0 };
};

const tryDestroy = async (hull: Hull, container: Container): Promise<boolean> => {
  const { clock, metrics } = hull.context;
  const from = clock.monotonic();
  try {
    await container.destroy();
    metrics.containerDestroyed({ ok: true, ms: clock.monotonic() - from });
    return true;
  } catch (error) {
    metrics.containerDestroyed({ ok: false, ms: clock.monotonic() - from });
    hull.logger.error('failed-to-destroy-container', { error });
    const reason = error instanceof Error ? error.message : String(error);
    say(hull, containerTexts(hull.context.cellId, hull.guid).notDestroyed(reason), 'ERR');
    return false;
  }
};

const destroy = async (hull: Hull): Promise<void> => {
  const { container, context, detach, guid } = hull;
  if (container === undefined) return;
  const texts = containerTexts(context.cellId, guid);
  say(hull, texts.destroying);
  for (let attempt = 1; !(await tryDestroy(hull, container)); attempt += 1) {
    if (!(await pause(context.clock, backOff(attempt, context.random), detach.signal))) return;
  }
  say(hull, texts.destroyed);
};

/** Of a container whose end was a defect's. */
const UNKNOWN_END: RunOutcome = { failed: true, reason: 'internal error', stopped: false, retryable: false };

type Tell = (change: ContainerChange) => void;

/** Of what stays behind nobody is told that it has ended. */
const tellOf =
  (identity: ContainerIdentity, { context, detach }: Hull): Tell =>
  (change) =>
    detach.signal.aborted ? undefined : context.watcher?.changed(identity, change);

/** How a vessel gives its room back. */
const leavings = (
  { guid, kind }: ContainerIdentity,
  { context, memory }: Hull,
  tell: Tell,
): Pick<Vessel, 'release' | 'abandon'> => ({
  release() {
    context.ledger.release(guid);
    tell({ state: 'ended', end: endOf(kind, memory.outcome() ?? UNKNOWN_END, memory.stopping()) });
    context.roomAppeared();
  },
  abandon(reason) {
    context.ledger.abandon(guid, context.clock.monotonic());
    tell({ state: 'ended', end: { how: 'dropped', reason } });
    context.roomAppeared();
  },
});

export const createVessel = (
  identity: ContainerIdentity,
  context: CellContext,
  record?: ContainerRecord,
): Vessel => {
  const { guid } = identity;
  const keeper = createNoteKeeper(guid, context, () => hull.memory.record());
  const hull: Hull = {
    guid,
    context,
    logger: context.logger.session('container-store', { guid }),
    stop: new AbortController(),
    detach: new AbortController(),
    memory: createContainerMemory((soon) => {
      if (hull.plan !== undefined && !hull.detach.signal.aborted) keeper.change(soon);
    }, record),
  };
  const tell = tellOf(identity, hull);
  const setState = (state: ContainerState): void => {
    hull.memory.setState(state);
    context.ledger.setState(guid, state);
    context.changed();
    if (state === 'running') tell({ state });
  };
  return {
    state: hull.memory.state,
    setState,
    outcome: hull.memory.outcome,
    plan: () => hull.plan,
    container: () => hull.container,
    stopping: hull.stop.signal,
    detached: hull.detach.signal,
    measure: () => measure(hull),
    say: (text) => say(hull, text),
    create: (plan) => create(hull, plan),
    adopt: (container, plan) => take(hull, container, plan),
    run: (hooks) => run(hull, { ...hooks, noted: keeper.flush }),
    isMissing: () => hull.memory.state() === 'running' && hull.container?.info().processes.length === 0,
    isDecided: () => hull.memory.verdict() !== undefined,
    stopCause: hull.memory.stopping,
    noteStop(cause) {
      hull.memory.markStopping(cause);
      tell({ state: 'stopping', cause });
      return keeper.flush();
    },
    requestStop(graceMs) {
      if (hull.detach.signal.aborted || hull.stop.signal.aborted) return;
      hull.graceMs = graceMs;
      hull.stop.abort();
    },
    complete(outcome) {
      hull.memory.setOutcome(outcome);
      context.metrics.containerCompleted();
      setState('completed');
      // before anybody is told of the end, its last words are out
      hull.log?.flush();
      return keeper.flush();
    },
    destroy: () => destroy(hull),
    ...leavings(identity, hull, tell),
    notePlan() {
      if (hull.plan !== undefined) void context.notes.savePlan(hull.plan);
    },
    async forget() {
      keeper.stop();
      hull.log?.close();
      if (hull.plan !== undefined || record !== undefined) await context.notes.remove(guid);
    },
    async detach() {
      hull.detach.abort();
      hull.log?.flush();
      await keeper.flush();
    },
  };
};
