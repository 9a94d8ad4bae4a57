import type { DownloadAction } from '../../common/model/action.js';
import type { Step, StepContext, StepResult } from './step.js';
import { CANCELLED, DONE, failedStep } from './step.js';

/** Bytes as `12B`, `1.5K`, `3.0M`. */
export const sizeText = (bytes: number): string =>
  bytes < 1024
    ? `${bytes}B`
    : bytes < 1024 * 1024
      ? `${(bytes / 1024).toFixed(1)}K`
      : `${(bytes / 1024 / 1024).toFixed(1)}M`;

/** Fetches an artifact (from the cache if it is there) and unpacks it into the container. */
export const downloadInto = async (
  action: DownloadAction,
  step: Step,
  context: StepContext,
): Promise<StepResult> => {
  const { container, downloader, log, memory } = context;
  if (memory.isDone(step.id)) return DONE;
  const source = action.logSource || context.logSource;
  const say = (stream: 'OUT' | 'ERR', text: string): void => {
    if (action.artifact !== '') log.line(source, stream, text);
  };
  say('OUT', `Downloading ${action.artifact}...`);
  const fetched = await downloader.fetch(action, step.signal);
  if (step.signal.aborted) {
    if (fetched.ok) fetched.release();
    return CANCELLED;
  }
  if (!fetched.ok) {
    say('ERR', `Failed to download ${action.artifact}: ${fetched.reason}`);
    return failedStep(`Downloading failed: ${fetched.reason}`);
  }
  const placed = await container
    .place({ file: fetched.file, to: action.to, unpack: true, user: action.user })
    .finally(() => fetched.release());
  if (!placed.ok) {
    say('ERR', `Failed to unpack ${action.artifact}: ${placed.reason}`);
    return failedStep(`Copying into the container failed: ${placed.reason}`);
  }
  say('OUT', `Downloaded ${action.artifact} (${sizeText(fetched.bytes)})`);
  memory.markDone(step.id);
  return DONE;
};
