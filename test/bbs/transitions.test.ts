import t from 'tap';
import { MAX_TRANSITIONS } from '../../bbs/client.js';
import type { Transition, TransitionAnswer } from '../../bbs/index.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import { desiredLrp, KEY, must, ONE, openBoard, startOf, taskDefinition, TWO } from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';
import { FORMS, raw, startBbs } from '../support/http-bbs.js';

const at = (index: number) => ({ ...KEY, index });
const said = (results: BbsResult<TransitionAnswer>[]): string[] =>
  results.map((result) => {
    if (!result.ok) return result.error.type;
    const { keepContainer, shouldStart } = result.value;
    return keepContainer ? 'keep' : shouldStart ? 'start' : 'done';
  });

const wanted = async ({ board }: Pick<TestBoard, 'board'>): Promise<void> => {
  must(await board.desireLrp(desiredLrp({ instances: 6 }), ''));
  for (const taskGuid of ['a', 'b']) {
    must(await board.desireTask({ taskGuid, domain: 'd', definition: taskDefinition() }, ''));
  }
};

/** One of every kind, in an order in which all but two are right. */
const EVERY_KIND: Transition[] = [
  { kind: 'claim', args: { key: at(0), instanceKey: ONE } },
  { kind: 'claim', args: { key: at(0), instanceKey: TWO } },
  { kind: 'start', args: startOf(ONE, at(0)) },
  { kind: 'crash', args: { key: at(0), instanceKey: ONE, reason: 'boom' } },
  { kind: 'start', args: startOf(ONE, at(1)) },
  { kind: 'remove', args: { key: at(1), instanceKey: ONE } },
  { kind: 'fail', args: { key: at(2), placementError: 'no room' } },
  { kind: 'start', args: startOf(ONE, at(2)) },
  { kind: 'evacuateRunning', args: startOf(ONE, at(2)) },
  { kind: 'removeEvacuating', args: { key: at(2), instanceKey: ONE } },
  { kind: 'claim', args: { key: at(3), instanceKey: ONE } },
  { kind: 'evacuateClaimed', args: { key: at(3), instanceKey: ONE } },
  { kind: 'start', args: startOf(ONE, at(4)) },
  { kind: 'evacuateStopped', args: { key: at(4), instanceKey: ONE } },
  { kind: 'start', args: startOf(ONE, at(5)) },
  { kind: 'evacuateCrashed', args: { key: at(5), instanceKey: ONE, reason: 'boom' } },
  { kind: 'startTask', args: { taskGuid: 'a', cellId: 'cell-1' } },
  {
    kind: 'completeTask',
    args: { taskGuid: 'a', cellId: 'cell-1', failed: false, failureReason: '', result: 'x' },
  },
  { kind: 'rejectTask', args: { taskGuid: 'b', reason: 'no room' } },
  { kind: 'startTask', args: { taskGuid: 'none', cellId: 'cell-1' } },
];
const EVERY_ANSWER = EVERY_KIND.map(({ kind }, nth) => {
  if (nth === 1) return 'ActualLRPCannotBeClaimed';
  if (nth === EVERY_KIND.length - 1) return 'ResourceNotFound';
  return kind === 'evacuateRunning' ? 'keep' : kind === 'startTask' ? 'start' : 'done';
});

t.test(
  'transitions - each is decided in order, and answered by itself, with one commit for all',
  async (t) => {
    const test = await openBoard({ converge: false });
    t.teardown(test.close);
    await wanted(test);
    const before = test.engine.commits();
    t.same(said(must(await test.board.transitions(EVERY_KIND, 'trace'))), EVERY_ANSWER);
    t.equal(test.engine.commits() - before, 1);
    const own: Transition[] = [{ kind: 'claim', args: { key: at(0), instanceKey: TWO }, traceId: 'its own' }];
    must(await test.board.transitions(own, 'trace'));
    t.equal(test.events.at(-1)?.traceId, 'its own');
    const crashed = test.events.find(({ kind }) => kind === 'actual_lrp_crashed');
    t.equal(crashed?.traceId, 'trace');
    t.match(test.store.committed.tasks.get('a'), { state: 'Completed', result: 'x' });
    t.match(test.store.committed.tasks.get('b'), { state: 'Pending', rejectionCount: 1 });
  },
);

t.test('transitions - do what the calls of one alone do', async (t) => {
  const [one, many] = [await openBoard({ converge: false }), await openBoard({ converge: false })];
  t.teardown(() => Promise.all([one.close(), many.close()]));
  for (const board of [one, many]) await wanted(board);
  must(await many.board.transitions(EVERY_KIND, ''));
  for (const transition of EVERY_KIND) must(await one.board.transitions([transition], ''));
  const state = ({ store, events }: TestBoard) => ({
    rows: [...store.committed.actual_lrps.entries()],
    tasks: [...store.committed.tasks.entries()],
    events,
  });
  t.same(state(many), state(one));
});

t.test('transitions - a commit that fails is answered to each as asking again being right', async (t) => {
  const test = await openBoard({ converge: false });
  t.teardown(test.close);
  await wanted(test);
  test.engine.faults.failCommits(1);
  const answers = must(await test.board.transitions(EVERY_KIND.slice(0, 3), ''));
  for (const answer of answers.filter((_, nth) => nth !== 1)) {
    t.match(answer, { ok: false, error: { unavailable: true } });
  }
  t.same(said(must(await test.board.transitions(EVERY_KIND.slice(0, 3), ''))), EVERY_ANSWER.slice(0, 3));
});

t.test('transitions - over HTTP each has its answer too, and its unavailability', async (t) => {
  const { client } = await startBbs(t);
  must(await client.desireLrp(desiredLrp({ instances: 6 }), ''));
  for (const taskGuid of ['a', 'b']) {
    must(await client.desireTask({ taskGuid, domain: 'd', definition: taskDefinition() }, ''));
  }
  t.same(said(must(await client.transitions(EVERY_KIND, 'trace'))), EVERY_ANSWER);
  t.same(must(await client.transitions([], '')), []);
});

t.test('transitions - more than are taken at once are refused, and none of them looked at', async (t) => {
  const test = await openBoard({ converge: false });
  t.teardown(test.close);
  await wanted(test);
  const claim = EVERY_KIND.slice(0, 1);
  const many = Array.from({ length: MAX_TRANSITIONS + 1 }, () => claim).flat();
  t.match(await test.board.transitions(many, ''), { ok: false, error: { type: 'InvalidRequest' } });
  t.equal([...test.store.committed.actual_lrps.byIndex('cell', 'cell-1')].length, 0);
});

t.test('transitions - one that is not whole costs none of the others', async (t) => {
  const { client, socketPath } = await startBbs(t);
  must(await client.desireLrp(desiredLrp(), ''));
  for (const form of [FORMS.json, FORMS.protobuf]) {
    const claim = { processGuid: 'app', index: 0, instanceKey: ONE };
    const body = form.write('TransitionsRequest', {
      transitions: [
        { traceId: '', claim: { processGuid: 'app', index: 0 } },
        { traceId: '' },
        { traceId: '', claim, removeEvacuating: {} },
        { traceId: '', claim },
      ],
    });
    const { status, bytes } = await raw(socketPath, BBS_ROUTES.Transitions, { type: form.type, body });
    t.equal(status, 200);
    const { answers } = form.read('TransitionsResponse', bytes);
    t.match(answers, [
      { error: { type: 'InvalidRequest', message: 'Invalid field: actual_lrp_instance_key' } },
      { error: { type: 'InvalidRequest', message: 'the request received is invalid' } },
      { error: { type: 'InvalidRequest', message: 'the request received is invalid' } },
      {},
    ]);
    t.notOk((answers as { error?: unknown }[])[3]?.error);
  }
});
