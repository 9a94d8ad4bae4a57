import type { Test } from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import type { KnownSchedulerEvent } from '../../mesos-bridge/protocol/events.js';
import { listOfMasters } from '../../mesos-bridge/protocol/leader/masters.js';
import { createSchedulerClient } from '../../mesos-bridge/protocol/scheduler/client.js';
import type { Loss, SchedulerClientOptions } from '../../mesos-bridge/protocol/scheduler/client.js';
import { beginStream, chunk, recordOf, startRawServer, subscribedEvent } from './mesos-raw-server.js';
import type { RawRequest } from './mesos-raw-server.js';

export const isSubscribe = ({ body }: RawRequest): boolean => body.includes('"SUBSCRIBE"');

/** A framework that was given an id the first time it subscribed. */
export const FRAMEWORK = { user: 'outcry', name: 'outcry' };

/** A master of raw answers and a client of it, on a clock of its own; both gone when the test ends. */
export const startScheduler = async (
  t: Test,
  onRequest: (request: RawRequest) => void,
  options: Partial<SchedulerClientOptions> = {},
) => {
  const server = await startRawServer(onRequest);
  const clock = createFakeClock();
  const logger = createCaptureLogger();
  const events: KnownSchedulerEvent[] = [];
  const losses: Loss[] = [];
  let id = '';
  const client = createSchedulerClient({
    masters: listOfMasters([server.address]),
    encoding: 'json',
    clock,
    random: createSeededRandom(7),
    logger,
    subscription: () => ({
      frameworkInfo: { ...FRAMEWORK, ...(id !== '' && { id: { value: id } }) },
    }),
    handlers: {
      onEvent(event) {
        if (event.type === 'SUBSCRIBED') id = event.subscribed.frameworkId.value;
        events.push(event);
      },
      onLost: (loss) => void losses.push(loss),
    },
    ...options,
  });
  t.teardown(async () => {
    await client.close();
    await server.close();
  });
  client.start();
  await clock.advance(0);
  return { server, clock, logger, events, losses, client };
};

/** Answers SUBSCRIBE with a stream and its first event; gives other requests to `onCall`. */
export const subscribing =
  (onCall: (request: RawRequest) => void = () => undefined, after?: (request: RawRequest) => void) =>
  (request: RawRequest): void => {
    if (!isSubscribe(request)) return onCall(request);
    beginStream(request);
    request.socket.write(chunk(recordOf('SchedulerEvent', subscribedEvent())));
    after?.(request);
  };
