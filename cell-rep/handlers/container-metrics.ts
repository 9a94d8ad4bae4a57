/** Tells what containers take: every 15 s to whoever listens, and whenever somebody asks. */
import type { ContainerMetric } from '../../common/model/container-metrics.js';
import type { Bus, BusMessage } from '../../common/ports/bus.js';
import { MAX_PAYLOAD_BYTES } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Member } from '../../common/runtime/group.js';
import { unattended } from '../../common/runtime/unattended.js';
import { decode, encode } from '../../common/wire/codec.js';
import { cellSubject } from '../../common/wire/subjects.js';
import type { Measuring } from '../containers/measuring.js';

/** Diego's */
const EVERY_MS = 15_000;
/** of one message; what is around it on the bus has its room */
const PIECE_BYTES = MAX_PAYLOAD_BYTES - 4096;

export interface ContainerMetricsOptions {
  cellId: string;
  bus: Bus;
  clock: Clock;
  logger: Logger;
  measuring: Measuring;
}

type Encode = (containers: ContainerMetric[], moreContainers: number) => Uint8Array;

/** As few messages as can be; one container that is too large for any is left out. */
const piecesOf = (containers: ContainerMetric[], toBytes: Encode): Uint8Array[] => {
  const whole = toBytes(containers, 0);
  if (whole.length <= PIECE_BYTES) return [whole];
  const half = Math.ceil(containers.length / 2);
  if (half === containers.length) return [];
  return [containers.slice(0, half), containers.slice(half)].flatMap((part) => piecesOf(part, toBytes));
};

/** As many as one message holds; it says how many are missing. */
const answerOf = (containers: ContainerMetric[], toBytes: Encode): Uint8Array => {
  let count = containers.length;
  for (;;) {
    const bytes = toBytes(containers.slice(0, count), containers.length - count);
    if (bytes.length <= PIECE_BYTES) return bytes;
    count = Math.floor(count / 2);
  }
};

export const tellContainerMetrics = (options: ContainerMetricsOptions): Member => {
  const { cellId, bus, clock, measuring } = options;
  const logger = options.logger.session('container-metrics');
  const cancels: Cancel[] = [];

  const toBytes: Encode = (containers, moreContainers) =>
    encode('ContainerMetrics', { cellId, at: clock.now() * 1e6, containers, moreContainers });

  const publish = async (): Promise<void> => {
    const containers = await measuring.measure();
    if (containers.length === 0) return;
    for (const piece of piecesOf(containers, toBytes)) bus.publish(cellSubject(cellId, 'metrics'), piece);
  };

  const answer = async (message: BusMessage): Promise<void> => {
    const query = decode('MeasureQuery', message.payload);
    if (!query.ok)
      return logger.error('request-unreadable', { subject: message.subject, error: query.error });
    const { guids } = query.value;
    const containers = await measuring.measure(guids.length === 0 ? undefined : guids);
    message.respond(answerOf(containers, toBytes));
  };

  return {
    name: 'container-metrics',
    start() {
      const work = { logger, event: 'failed-to-measure' };
      cancels.push(
        clock.every(EVERY_MS, () => publish().catch((error: unknown) => logger.error(work.event, { error }))),
        bus.subscribe(cellSubject(cellId, 'measure'), (message) => unattended(work, () => answer(message))),
      );
    },
    stop() {
      for (const cancel of cancels.splice(0)) cancel();
    },
  };
};
