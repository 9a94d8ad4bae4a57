/** Whether the engine answers: asked every few seconds, and at once when somebody doubts it. */
import type Docker from 'dockerode';
import type { DockerOptions } from 'dockerode';
import type { OutcryError } from '../../../common/model/errors.js';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import { createHealthWatch } from '../health-watch.js';
import { pingEngine } from './engine.js';
import { engineText } from './engine-address.js';

const EVERY_MS = 2_000;

export interface Pulse {
  healthy(): boolean;
  watch(onChange: () => void): () => void;
  /** something did not get an answer */
  doubt(): void;
  /** throws when the engine does not answer */
  start(): Promise<void>;
  stop(): void;
}

export const createPulse = (options: {
  docker: Docker;
  engine: DockerOptions;
  clock: Clock;
  logger: Logger;
}): Pulse => {
  const { docker, engine, clock, logger } = options;
  const where = engineText(engine);
  const { watch, tell } = createHealthWatch();
  let healthy = false;
  let asking: Promise<void> | undefined;
  let cancel: Cancel | undefined;

  const become = (now: boolean): void => {
    healthy = now;
    tell();
  };
  const onAnswer = (): void => {
    if (healthy || cancel === undefined) return;
    logger.info('engine-answers', { where });
    become(true);
  };
  const onSilence = (error: OutcryError): void => {
    if (!healthy || cancel === undefined) return;
    const { code, message, remedy } = error;
    logger.error('engine-does-not-answer', { where, code, message, remedy });
    become(false);
  };
  const beat = (): Promise<void> => {
    asking ??= pingEngine(docker, engine, clock)
      .then(onAnswer, onSilence)
      .finally(() => (asking = undefined));
    return asking;
  };
  return {
    healthy: () => healthy,
    watch,
    doubt: () => (healthy ? void beat() : undefined),
    async start() {
      await pingEngine(docker, engine, clock);
      cancel = clock.every(EVERY_MS, beat);
      become(true);
    },
    stop() {
      cancel?.();
      cancel = undefined;
      become(false);
    },
  };
};
