import t from 'tap';
import type { Test } from 'tap';
import { unheardOf } from '../../auctioneer/core/recording/told.js';
import { createExplain } from '../../api/services/explain.js';
import type { Explain } from '../../api/services/explain.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../common/adapters/fake-clock.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import type { Bus } from '../../common/ports/bus.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { startApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';

const REASON = 'insufficient resources: memory';
const NEAREST = `${REASON} (cell-1 comes nearest: 64 MB of memory short)`;

/** An auctioneer that knows these texts by id, and '' of all else. The ids it was asked for, in order. */
const auctioneer = (bus: Bus, texts: Record<string, string>): string[] => {
  const asked: string[] = [];
  bus.subscribe(SUBJECTS.auctionExplain, (message) => {
    const query = decode('ExplainQuery', message.payload);
    const id = query.ok ? query.value.id : '';
    asked.push(id);
    message.respond(encode('Explanation', { ...unheardOf('', true), text: texts[id] ?? '' }));
  });
  return asked;
};

const TIMEOUT_MS = 500;

const setUp = (t: Test): { bus: MemoryBus; clock: FakeClock; explain: Explain } => {
  const clock = createFakeClock();
  const bus = createMemoryBus({ clock });
  t.teardown(() => bus.close());
  return { bus, clock, explain: createExplain({ bus, random: createSystemRandom(), timeoutMs: TIMEOUT_MS }) };
};

const stat = (index: number, overrides: Partial<ActualLrp>, details: string | null = REASON) => ({
  index,
  state: 'DOWN' as const,
  uptime: 0,
  details,
  actual: {
    processGuid: 'p',
    index,
    state: 'UNCLAIMED',
    placementError: REASON,
    since: 0,
    ...overrides,
  } as ActualLrp,
});

t.test('explain - a reason with what the auctioneer adds to it, and with nothing else', async (t) => {
  const { bus, explain } = setUp(t);
  auctioneer(bus, {
    known: NEAREST,
    same: REASON,
    other: 'found no compatible cell',
    longer: `${REASON}, disk (cell-1 comes nearest: 1 MB of disk short)`,
  });
  t.equal(await explain.reason('known', REASON), NEAREST);
  for (const id of ['same', 'other', 'longer', 'unknown'])
    t.equal(await explain.reason(id, REASON), REASON, id);
});

t.test('explain - nobody answers, what answers is no explanation, or the bus is down', async (t) => {
  const { bus, clock, explain } = setUp(t);
  t.equal(await explain.reason('p.0', REASON), REASON, 'no auctioneer');
  const stop = bus.subscribe(SUBJECTS.auctionExplain, () => undefined);
  const unanswered = explain.reason('p.0', REASON);
  await clock.advance(TIMEOUT_MS);
  t.equal(await unanswered, REASON, 'a silent one');
  stop();
  bus.subscribe(SUBJECTS.auctionExplain, (message) => void message.respond(Buffer.from([0xff, 0xff])));
  t.equal(await explain.reason('p.0', REASON), REASON, 'a garbled one');
  bus.disconnect();
  t.equal(await explain.reason('p.0', REASON), REASON, 'no bus');
});

t.test('explain - one question per placement error, about the instance refused last', async (t) => {
  const { bus, explain } = setUp(t);
  const asked = auctioneer(bus, { 'p.0': `${REASON} (old)`, 'p.2': NEAREST });
  const stats = [
    stat(0, { since: 1 }),
    stat(1, { state: 'RUNNING', placementError: '' }, null),
    stat(2, { since: 3 }),
    stat(3, { since: 2 }),
    stat(4, { placementError: 'found no compatible cell' }, 'found no compatible cell'),
    stat(5, { state: 'CRASHED', placementError: '' }, 'exited with status 1'),
  ];
  const details = (await explain.instances(stats)).map((instance) => instance.details);
  t.same(details, [NEAREST, null, NEAREST, NEAREST, 'found no compatible cell', 'exited with status 1']);
  t.same(asked.toSorted(), ['p.2', 'p.4']);
});

t.test('explain - questions are bounded; what is not asked about keeps its reason', async (t) => {
  const { bus, explain } = setUp(t);
  const errors = Array.from({ length: 50 }, (_, index) => `reason ${index}`);
  const asked = auctioneer(
    bus,
    Object.fromEntries(errors.map((error, index) => [`p.${index}`, `${error} (more)`])),
  );
  const stats = errors.map((placementError, index) => stat(index, { placementError }, placementError));
  const explained = await explain.instances(stats);
  t.equal(asked.length, 20);
  t.equal(explained[19]?.details, 'reason 19 (more)');
  t.equal(explained[20]?.details, 'reason 20');
});

t.test('explain - a task that found no place ends with the cell that came nearest', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: web, memory: 64M}]'));
  const { appGuid } = await api.stage('web', { 'server.js': '' });
  const texts: Record<string, string> = {};
  const asked = auctioneer(api.bus, texts);
  const ended = async (rejectionReason: string): Promise<string> => {
    const made = await api.call('POST', `/v3/apps/${appGuid}/tasks`, { json: { command: 'true' } });
    const { guid } = made.body;
    texts[guid] = NEAREST;
    const before = api.bbs.tasks.get(guid)!;
    const after = {
      ...before,
      state: 'Completed' as const,
      failed: true,
      failureReason: REASON,
      rejectionReason,
    };
    api.bbs.tasks.set(guid, after);
    api.bbs.tell({ kind: 'task_changed', traceId: '', before, after });
    return eventually(async () => {
      const { body } = await api.call('GET', `/v3/tasks/${guid}`);
      return body.state === 'FAILED' ? body.result.failure_reason : undefined;
    });
  };
  t.equal(await ended('another'), REASON, 'one that was refused before, and ended by itself');
  t.equal(await ended(REASON), NEAREST);
  t.equal(asked.length, 1, 'only of what was refused');
});
