import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../../common/adapters/memory-bus.js';
import { bbsConfig } from '../../../bbs/config.js';
import { createEffects } from '../../../bbs/controllers/effects.js';
import { createEventHub } from '../../../bbs/controllers/event-hub.js';
import { eventually } from '../../support/eventually.js';
import { desiredLrp, must } from '../../support/bbs.js';

t.test('events - a listener that throws costs neither the others nor the bus theirs', async (t) => {
  const bus = createMemoryBus();
  const logger = createCaptureLogger();
  const hub = createEventHub({ bus, logger, epoch: 1 });
  const heard: string[] = [];
  let onBus = 0;
  bus.client().subscribe('bbs.event.>', () => (onBus += 1));
  hub.subscribe(() => {
    throw new Error('broken');
  });
  hub.subscribe(({ id }) => heard.push(id));
  hub.publish({ kind: 'cell_appeared', traceId: '', cellId: 'a' });
  // a defect that the wire finds: no such field can be written
  const broken = { ...desiredLrp(), env: 5 as unknown as [] };
  hub.publish({ kind: 'desired_lrp_created', traceId: '', desiredLrp: broken });
  hub.publish({ kind: 'cell_appeared', traceId: '', cellId: 'b' });
  t.same(heard, ['1-1', '1-2', '1-3']);
  await eventually(() => onBus === 2);
  t.equal(logger.named('events.failed').length, 4);
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
