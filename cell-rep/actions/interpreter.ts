import { codependent, emitProgress, parallel, serial, timeout } from './compose.js';
import { runProcess } from './run.js';
import type { Step, StepContext, StepResult } from './step.js';
import { CANCELLED, DONE, failedStep } from './step.js';
import { downloadInto } from './place-download.js';
import { uploadFrom } from './send-upload.js';

/** Carries out one action of Diego's in a container, to its end. Never rejects for what an application does. */
export const runAction = (step: Step, context: StepContext): Promise<StepResult> => {
  const { action } = step;
  if (step.signal.aborted && context.container.process(step.id) === undefined)
    return Promise.resolve(CANCELLED);
  if (action.run) return runProcess(action.run, step, context);
  if (action.download) return downloadInto(action.download, step, context);
  if (action.upload) return uploadFrom(action.upload, step, context);
  if (action.timeout) return timeout(action.timeout, step, context, runAction);
  if (action.emitProgress) return emitProgress(action.emitProgress, step, context, runAction);
  if (action.try) return attempt(step, context);
  if (action.parallel) return parallel(action.parallel, step, context, runAction);
  if (action.serial) return serial(action.serial, step, context, runAction);
  if (action.codependent) return codependent(action.codependent, step, context, runAction);
  return Promise.resolve(failedStep('invalid action type'));
};

/** A failure within is nobody's failure. */
const attempt = async (step: Step, context: StepContext): Promise<StepResult> => {
  const inner = step.action.try?.action;
  if (inner !== undefined) await runAction({ ...step, action: inner, id: `${step.id}-0` }, context);
  return DONE;
};
