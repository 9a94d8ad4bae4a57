import type { Action, ActionList, EmitProgressAction, TimeoutAction } from '../../common/model/action.js';
import { CODEPENDENT_EXITED, timeoutReason } from '../core/exit-texts.js';
import type { Step, StepContext, StepResult } from './step.js';
import { CANCELLED, DONE, failedStep } from './step.js';

/** Runs any action; handed in so that composite actions need not know the others. */
export type RunStep = (step: Step, context: StepContext) => Promise<StepResult>;

const part = (step: Step, action: Action, at: number, signal = step.signal): Step => ({
  ...step,
  action,
  id: `${step.id}-${at}`,
  signal,
});

/** One after the other, until one fails. */
export const serial = async (list: ActionList, step: Step, context: StepContext, run: RunStep) => {
  for (const [at, action] of list.actions.entries()) {
    if (step.signal.aborted) return CANCELLED;
    const result = await run(part(step, action, at), context);
    if (!result.ok) return result;
  }
  return DONE;
};

/** All at once; waits for all, and fails with every reason. */
export const parallel = async (list: ActionList, step: Step, context: StepContext, run: RunStep) => {
  const results = await Promise.all(list.actions.map((action, at) => run(part(step, action, at), context)));
  const failures = results.filter((result) => !result.ok);
  if (failures.length === 0) return DONE;
  return failedStep(failures.map(({ reason }) => reason).join('; '), failures.find(({ exit }) => exit)?.exit);
};

/** All at once; the first to end, even well, ends the others and fails the whole. */
export const codependent = async (
  list: ActionList,
  step: Step,
  context: StepContext,
  run: RunStep,
): Promise<StepResult> => {
  const controller = new AbortController();
  const signal = AbortSignal.any([step.signal, controller.signal]);
  const running = list.actions.map((action, at) => run(part(step, action, at, signal), context));
  const first = await Promise.race(running);
  controller.abort();
  await Promise.all(running);
  return first.ok ? failedStep(CODEPENDENT_EXITED) : first;
};

/** Ends its action when the time is over; a restart of the rep does not give it more. */
export const timeout = async (action: TimeoutAction, step: Step, context: StepContext, run: RunStep) => {
  if (action.action === undefined) return DONE;
  const { clock, memory } = context;
  const left = memory.startedAt(step.id, clock.now()) + action.timeoutMs - clock.now();
  const controller = new AbortController();
  const cancel = clock.after(Math.max(0, Math.min(left, action.timeoutMs)), () => controller.abort());
  const signal = AbortSignal.any([step.signal, controller.signal]);
  const result = await run(part(step, action.action, 0, signal), context);
  cancel();
  if (result.ok || !controller.signal.aborted) return result;
  return failedStep(timeoutReason(action.timeoutMs, result.reason), result.exit);
};

/** Tells the application's log how its action fares. */
export const emitProgress = async (
  action: EmitProgressAction,
  step: Step,
  context: StepContext,
  run: RunStep,
): Promise<StepResult> => {
  if (action.action === undefined) return DONE;
  const source = action.logSource || context.logSource;
  const say = (stream: 'OUT' | 'ERR', text: string): void => {
    if (text !== '') context.log.line(source, stream, text);
  };
  say('OUT', action.startMessage);
  const result = await run(part(step, action.action, 0), context);
  if (result.ok) {
    say('OUT', action.successMessage);
    return result;
  }
  // the prefix is for the log alone: the reason stays its action's, as in Diego
  const prefix = action.failureMessagePrefix;
  if (prefix !== '') say('ERR', [prefix, result.reason].filter((one) => one !== '').join(': '));
  return result;
};
