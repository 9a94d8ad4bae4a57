import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UploadAction } from '../../common/model/action.js';
import type { CopyOutResult } from '../core/container-runtime.js';
import type { Step, StepContext, StepResult } from './step.js';
import { CANCELLED, DONE, failedStep } from './step.js';
import { sizeText } from './place-download.js';

/** bytes of one artifact, as of a download */
export const MAX_UPLOAD_BYTES = 4 * 1024 ** 3;

const COPY_REASONS: Record<Extract<CopyOutResult, { ok: false }>['reason'], string> = {
  absent: 'there is no such file',
  'too-large': `it is larger than ${sizeText(MAX_UPLOAD_BYTES)}`,
  outside: "it is outside of the container's own directories",
  unreadable: 'it is no regular file that its user can read',
};

/** Diego's: what its log says of a step that failed. */
const textFor = (text: string, { artifact }: UploadAction): string =>
  artifact === '' ? text : `${text} for ${artifact}`;

const send = async (action: UploadAction, step: Step, context: StepContext, file: string) => {
  const copied = await context.container.copyOut({
    path: action.from,
    to: file,
    limitBytes: MAX_UPLOAD_BYTES,
  });
  if (!copied.ok) {
    const text = textFor('Failed to establish stream from container', action);
    return { ok: false, reason: `${text}: ${action.from}: ${COPY_REASONS[copied.reason]}` } as const;
  }
  const sent = await context.uploader.upload(action, file, step.signal);
  if (sent.ok) return sent;
  const text = textFor('Failed to upload payload', action);
  return { ok: false, reason: `${text}: ${sent.reason}` } as const;
};

/** Takes a file out of the container and sends it. An upload that was done is not done again. */
export const uploadFrom = async (
  action: UploadAction,
  step: Step,
  context: StepContext,
): Promise<StepResult> => {
  const { log, memory } = context;
  if (memory.isDone(step.id)) return DONE;
  const source = action.logSource || context.logSource;
  const say = (stream: 'OUT' | 'ERR', text: string): void => {
    if (action.artifact !== '') log.line(source, stream, text);
  };
  say('OUT', `Uploading ${action.artifact}...`);
  const dir = await mkdtemp(join(tmpdir(), 'outcry-upload-'));
  try {
    const result = await send(action, step, context, join(dir, 'payload'));
    if (step.signal.aborted) return CANCELLED;
    if (!result.ok) {
      say('ERR', result.reason);
      return failedStep(result.reason);
    }
    say('OUT', `Uploaded ${action.artifact} (${sizeText(result.bytes)})`);
    memory.markDone(step.id);
    return DONE;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
