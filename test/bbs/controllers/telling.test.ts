import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../../common/adapters/memory-bus.js';
import { bbsConfig } from '../../../bbs/config.js';
import { createEffects } from '../../../bbs/controllers/effects.js';
import { createEventHub } from '../../../bbs/controllers/event-hub.js';
import { eventually } from '../../support/eventually.js';
import { desiredLrp, must, task } from '../../support/bbs.js';

const openHub = () => {
  const bus = createMemoryBus();
  const logger = createCaptureLogger();
  const hub = createEventHub({
    bus,
    logger,
    epoch: 1,
    window: { events: 10, bytes: 10_000 },
    actualLrps: { entries: () => [], get: () => undefined },
  });
  return { hub, bus, logger };
};

t.test('events - a listener that throws costs neither the others nor the bus theirs', async (t) => {
  const { hub, bus, logger } = openHub();
  const heard: number[] = [];
  let onBus = 0;
  bus.client().subscribe('bbs.event.>', () => (onBus += 1));
  hub.subscribe('outcry', () => {
    throw new Error('broken');
  });
  hub.subscribe('outcry', (told) => heard.push(...told.map(({ sequence }) => sequence)));
  hub.publish([{ kind: 'cell_appeared', traceId: '', cellId: 'a' }]);
  // a defect that the wire finds: no such field can be written
  const broken = { ...desiredLrp(), env: 5 as unknown as [] };
  hub.publish([{ kind: 'desired_lrp_created', traceId: '', desiredLrp: broken }]);
  hub.publish([{ kind: 'cell_appeared', traceId: '', cellId: 'b' }]);
  t.same(heard, [1, 2, 3]);
  await eventually(() => onBus === 2);
  t.equal(logger.named('events.failed').length, 4);
  await bus.close();
});

t.test('events - encoded once per form, however many hear them', async (t) => {
  const { hub, bus } = openHub();
  let encoded = 0;
  const lrp = {
    ...desiredLrp(),
    get annotation() {
      encoded += 1;
      return '';
    },
  };
  const frames = new Map<string, Set<string>>();
  const hear = (name: string, frame: string): void => {
    const heard = frames.get(name) ?? new Set();
    frames.set(name, heard.add(frame));
  };
  for (let at = 0; at < 100; at += 1) {
    hub.subscribe('outcry', (told) => told.forEach((event) => hear('outcry', event.frame())));
    for (const feed of ['groups', 'instances'] as const) {
      const form = at % 2 === 0 ? 'r0' : 'r1';
      hub.subscribe(feed, (told) => told.forEach((event) => hear(`${feed} ${form}`, event.frame(form))));
    }
  }
  const publish = (): number => {
    encoded = 0;
    hub.publish([{ kind: 'desired_lrp_created', traceId: '', desiredLrp: lrp }]);
    return encoded;
  };
  const all = publish();
  t.equal(frames.size, 5);
  for (const [name, heard] of frames) t.equal(heard.size, 1, name);
  // the bus and our stream, and two forms of two streams, each of which looks twice at most
  t.ok(all >= 6 && all <= 12, `${all} times`);
  await bus.close();
});

t.test('events - one that cannot be told is told of once, and costs no stream its others', async (t) => {
  const { hub, bus, logger } = openHub();
  const heard: string[] = [];
  for (let at = 0; at < 3; at += 1) {
    hub.subscribe('tasks', (told) =>
      heard.push(told.map((event) => event.frame('r1').slice(0, 19)).join('+')),
    );
  }
  const broken = { ...task(), env: 5 as unknown as [] };
  const whole = task();
  hub.publish([
    { kind: 'task_created', traceId: '', task: broken },
    { kind: 'task_created', traceId: '', task: whole },
  ]);
  t.same(heard, Array(3).fill('+event: task_created'));
  await eventually(() => logger.named('events.failed').length >= 2);
  t.equal(logger.named('events.failed').length, 2, 'once for the bus, once for the stream');
  t.equal(hub.window.event(1), undefined);
  t.match(hub.window.event(2), { kind: 'task_created' });
  await bus.close();
});

t.test('effects - one that throws costs none of the others of its commit', async (t) => {
  const bus = createMemoryBus();
  const logger = createCaptureLogger();
  const converged: string[] = [];
  const stopped: string[] = [];
  bus.client().subscribe('cell.*.stop', ({ subject }) => stopped.push(subject));
  const effects = createEffects({
    bus,
    logger,
    config: must(bbsConfig.parse({ listen: { socket: '/nowhere' } }, 'test')),
    onUnheard: () => undefined,
    onHeard: () => undefined,
    callback: () => undefined,
    converge(processGuid) {
      if (processGuid === 'bad') throw new Error('broken');
      converged.push(processGuid);
    },
  });
  const key = { processGuid: 'app', index: 0, domain: 'apps' };
  effects.send([
    { effect: { kind: 'converge', processGuid: 'bad', index: 0 }, traceId: 'a' },
    { effect: { kind: 'converge', processGuid: 'good', index: 0 }, traceId: 'a' },
    { effect: { kind: 'stop', cellId: 'one', key, instanceGuid: 'guid' }, traceId: 'b' },
  ]);
  t.same(converged, ['good']);
  await eventually(() => stopped.length === 1);
  t.equal(logger.named('effect-failed').length, 1);
  await bus.close();
});
