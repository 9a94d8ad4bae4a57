import type { Action } from '../../common/model/action.js';
import { runAction } from '../actions/interpreter.js';
import type { StepContext, StepResult } from '../actions/step.js';
import { forever } from '../actions/step.js';
import { CODEPENDENT_EXITED } from '../core/exit-texts.js';
import { HEALTH_TEXTS, MONITOR_TIMEOUT_MS, checkTimings, monitorTimings } from '../core/health-plan.js';
import { isMonitored } from '../core/run-plan.js';
import type { RunPlan } from '../core/run-plan.js';
import type { WatchedProbe } from '../health/liveness.js';
import { OVERDUE, watchLiveness } from '../health/liveness.js';
import { createProbe } from '../health/probe.js';
import type { Probe } from '../health/probe.js';
import { watchReadiness } from '../health/readiness.js';
import type { ContainerLog } from '../logs/container-log.js';
import { createContainerMemory } from './memory.js';
import type { ContainerMemory } from './memory.js';

export interface BodyOptions {
  plan: RunPlan;
  context: StepContext;
  memory: ContainerMemory;
  /** aborted to stop the container */
  signal: AbortSignal;
  onRunning(): void;
  onReady(ready: boolean): void;
  /** resolves when a later life of the rep would know what the memory has been told */
  noted(): Promise<void>;
}

/** why steps end with the container; given so that no error is made up for it, with its stack, in every container */
const OVER = 'the container is over';

/** Log source of what checks say, when the definition names none. */
const HEALTH_SOURCE = 'HEALTH';

const SILENT: ContainerLog = {
  line: () => undefined,
  follow: () => ({ finish: () => undefined, detach: () => undefined }),
  bytes: () => 0,
  flush: () => undefined,
  close: () => undefined,
};

/** What must be there before the main action: dependencies, then the setup action. */
const prepare = async (options: BodyOptions): Promise<(StepResult & { retryable?: boolean }) | undefined> => {
  const { plan, context, memory, signal } = options;
  // the main action has begun in an earlier life of the rep: nothing may be placed under its feet
  if (memory.isSetUp() || context.container.process('main') !== undefined) return undefined;
  for (const [at, action] of plan.dependencies.entries()) {
    const result = await runAction({ action, id: `dependency-${at}`, signal }, context);
    if (!result.ok) return { ok: false, reason: 'failed to download cached artifacts', retryable: true };
  }
  if (plan.setup !== undefined) {
    const result = await runAction({ action: plan.setup, id: 'setup', signal }, context);
    if (!result.ok) return result;
  }
  memory.markSetUp();
  return undefined;
};

/**
 * A monitor action as a probe: healthy when it succeeds. Its output is not the application's, and nothing is kept of
 * a run that has ended: there is one every few seconds for as long as the container lives.
 */
const monitorProbe = (action: Action, context: StepContext): Probe => {
  const prefix = `monitor-${Math.round(context.clock.now()).toString(36)}`;
  let runs = 0;
  return async (signal) => {
    runs += 1;
    const id = `${prefix}-${runs}`;
    const memory = createContainerMemory(() => undefined);
    const late = new AbortController();
    const from = context.clock.monotonic();
    const cancel = context.clock.after(MONITOR_TIMEOUT_MS, () => late.abort());
    const step = { action, id, signal: AbortSignal.any([signal, late.signal]) };
    const result = await runAction(step, { ...context, log: SILENT, memory }).finally(cancel);
    const ms = context.clock.monotonic() - from;
    await context.container.forget(id);
    if (result.ok) return { healthy: true };
    const hangs = late.signal.aborted || (signal.aborted && signal.reason === OVERDUE);
    return { healthy: false, detail: hangs ? HEALTH_TEXTS.monitorHangs(ms, result.reason) : result.reason };
  };
};

const livenessProbes = ({ plan, context }: BodyOptions): WatchedProbe[] => {
  if (plan.checks !== undefined) {
    return plan.checks.checks.map((check) => ({
      probe: createProbe(check, () => context.container.info(), context.clock),
      timings: checkTimings(check, plan.startTimeoutMs),
    }));
  }
  if (plan.monitor === undefined) return [];
  return [{ probe: monitorProbe(plan.monitor, context), timings: monitorTimings(plan.startTimeoutMs) }];
};

/** A step that ends the container, however it ends; `undefined` = it has nothing to say. */
type Verdict = StepResult | undefined;

/** Exit 0 of the main action ends a container that has nothing else to judge it by. */
const mainStep = async (options: BodyOptions, signal: AbortSignal): Promise<Verdict> => {
  const { plan, context } = options;
  const onStarted = isMonitored(plan) ? {} : { onStarted: options.onRunning };
  const result = await runAction({ action: plan.action, id: 'main', signal, ...onStarted }, context);
  if (!result.ok) return result;
  if (plan.sidecars.length > 0) return { ok: false, reason: CODEPENDENT_EXITED };
  return isMonitored(plan) ? undefined : result;
};

const sidecarStep = async (
  action: Action,
  id: string,
  options: BodyOptions,
  signal: AbortSignal,
): Promise<Verdict> => {
  const result = await runAction({ action, id, signal }, options.context);
  return result.ok ? { ok: false, reason: CODEPENDENT_EXITED } : result;
};

const livenessStep = async (options: BodyOptions, signal: AbortSignal): Promise<Verdict> => {
  const { plan, context, memory } = options;
  const reason = await watchLiveness({
    probes: livenessProbes(options),
    alreadyHealthy: memory.state() === 'running',
    clock: context.clock,
    log: context.log,
    logSource: plan.checks?.logSource || HEALTH_SOURCE,
    signal,
    onHealthy: options.onRunning,
  });
  return reason === undefined ? undefined : { ok: false, reason };
};

const readinessStep = async (options: BodyOptions, signal: AbortSignal): Promise<Verdict> => {
  const { plan, context } = options;
  await watchReadiness({
    probes: (plan.checks?.readinessChecks ?? []).map((check) => ({
      probe: createProbe(check, () => context.container.info(), context.clock),
      timings: checkTimings(check, 0),
    })),
    clock: context.clock,
    log: context.log,
    logSource: plan.checks?.logSource || HEALTH_SOURCE,
    signal,
    onReady: options.onReady,
  });
  return undefined;
};

const steps = (options: BodyOptions, signal: AbortSignal): Promise<Verdict>[] => {
  const { plan } = options;
  // checks end when the rep leaves; processes do not
  const watched = (): AbortSignal => AbortSignal.any([signal, options.context.detached]);
  const all = [mainStep(options, signal)];
  for (const [at, { action }] of plan.sidecars.entries()) {
    if (action !== undefined) all.push(sidecarStep(action, `sidecar-${at}`, options, signal));
  }
  if (isMonitored(plan)) all.push(livenessStep(options, watched()));
  if ((plan.checks?.readinessChecks.length ?? 0) > 0) all.push(readinessStep(options, watched()));
  return all;
};

/** The first verdict; undefined when every step has ended without one. */
const firstVerdict = (all: Promise<Verdict>[]): Promise<Verdict> =>
  new Promise((resolve, reject) => {
    for (const one of all) one.then((verdict) => verdict === undefined || resolve(verdict), reject);
    void Promise.all(all).then(() => resolve(undefined), reject);
  });

/** What ends the container; noted before anything else is ended for it, since each end looks like a reason. */
const decide = async (all: Promise<Verdict>[], { memory, noted, signal }: BodyOptions): Promise<Verdict> => {
  const verdict = await firstVerdict(all);
  if (verdict === undefined || all.length === 1 || signal.aborted) return verdict;
  memory.setVerdict(verdict);
  await noted();
  return verdict;
};

export type BodyResult = StepResult & { retryable: boolean };

/**
 * Everything that happens inside a container, in Diego's order: dependencies, setup, then the action with
 * its sidecars and checks side by side. The first of them to fail ends the others.
 */
export const runBody = async (options: BodyOptions): Promise<BodyResult> => {
  const { context, signal } = options;
  const early = await prepare(options);
  if (context.detached.aborted) return forever();
  if (early !== undefined) return { ...early, retryable: early.retryable ?? false };
  const controller = new AbortController();
  // an earlier life of the rep knew, and did not get to the end of it
  const known = options.memory.verdict();
  if (known !== undefined) controller.abort();
  const all = steps(options, AbortSignal.any([signal, controller.signal]));
  // nothing goes on watching a container whose life is over, by a defect either
  const verdict = known ?? (await decide(all, options).finally(() => controller.abort(OVER)));
  await Promise.all(all);
  if (context.detached.aborted) return forever();
  return { ...(verdict ?? { ok: true }), retryable: false };
};
