import t from 'tap';
import { decode, encode } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import type { BbsClient } from '../../bbs/index.js';
import { must } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import { effectDifferences, recordedEffects, takeEffects } from '../support/golden-effects.js';
import type { SideEffect } from '../support/golden-effects.js';
import { startBbs } from '../support/http-bbs.js';
import { openHttpTarget } from '../support/http-target.js';
import type { HttpTarget } from '../support/http-target.js';
import {
  bringCells,
  bytesOf,
  createComparison,
  createPlayer,
  isCall,
  messagesOf,
  QUIET,
  readExchanges,
} from '../support/golden-bbs.js';
import type { Answer, Exchange } from '../support/golden-bbs.js';

const exchanges = readExchanges();

/** Where an answer of ours is another one on purpose. */
const EXCEPTIONS: Record<number, { reason: string; expect(answer: Answer): boolean }> = {
  198: {
    reason: 'a body that says it is JSON is read as JSON, and answered in JSON',
    expect: ({ status, headers, body }) =>
      status === 200 && headers['content-type'] === 'application/json' && body.toString() === '{}',
  },
};

/** Where what ours asks of others differs on purpose, by step: how many differences, each of which it explains. */
const EFFECT_EXCEPTIONS: Record<string, { reason: string; differences: RegExp; count: number }> = {
  'update-desired-lrp-routes-annotation': {
    reason:
      'neither internal routes nor metric tags have changed: the original tells reps all the same, with nothing in it',
    differences: /^missing: .*"update".*"internalRoutes":\[\]\}/,
    count: 2,
  },
};

const unexplained = (step: string, differences: readonly string[]): string[] => {
  const exception = EFFECT_EXCEPTIONS[step];
  if (!exception) return [...differences];
  const others = differences.filter((one) => !exception.differences.test(one));
  const explained = differences.length - others.length;
  return explained === exception.count ? others : [...others, `not the exception: ${exception.reason}`];
};

/** Where the recorded tasks have their outcome told. */
const CALLED = '127.0.0.1:18100';

/** The same bytes with another host in them, which is as long, so that no length changes. */
const readdressed = (bytes: Buffer, from: string, to: string): Buffer => {
  if (from.length !== to.length) throw new Error(`${from} and ${to} are not of one length`);
  return Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
};

/** Recorded requests as they were, but for the host that tasks have their outcome told to: a server of ours. */
const createReaddressed = (player: ReturnType<typeof createPlayer>, host: string) => {
  return async (exchange: Exchange): Promise<Answer> => {
    const { request } = exchange;
    const body = readdressed(bytesOf(request.body), CALLED, host).toString('base64');
    const answer = await player.play({ ...exchange, request: { ...request, body } });
    return { ...answer, body: readdressed(answer.body, host, CALLED) };
  };
};

/** Consecutive exchanges of one step. */
const stepsOf = (all: readonly Exchange[]): Exchange[][] => {
  const steps: Exchange[][] = [];
  for (const exchange of all) {
    const last = steps.at(-1);
    if (last?.[0]?.step === exchange.step) last.push(exchange);
    else steps.push([exchange]);
  }
  return steps;
};

interface Replay {
  play(exchange: Exchange): Promise<Answer>;
  client: BbsClient;
  effects: SideEffect[];
  target: HttpTarget;
}

/** What the BBS was recorded to do by itself is waited for, so that the next request finds it done. */
const awaited = async (exchange: Exchange, { client, target }: Replay): Promise<string[]> => {
  if (exchange.link !== 'bbs->callback') return [];
  await eventually(async () => !(await client.task('task-one')).ok);
  const recorded = JSON.parse(bytesOf(exchange.request.body).toString()) as Record<string, unknown>;
  const { method = '', url = '', headers = {}, body = '{}' } = target.received.shift() ?? {};
  const told = JSON.parse(body) as Record<string, unknown>;
  const line = `${exchange.method} ${exchange.path} ${exchange.request.headers['content-type']}`;
  const ours = `${method} ${url} ${headers['content-type']}`;
  const times = Number(told['created_at']) > 0 ? [] : ['created_at is no time'];
  const same = JSON.stringify({ ...told, created_at: recorded['created_at'] }) === JSON.stringify(recorded);
  return [...(line === ours ? [] : [`${line} → ${ours}`]), ...times, ...(same ? [] : [`body: ${body}`])];
};

const replayed = async (replay: Replay) => {
  const comparison = createComparison();
  const told: { what: string; differences: string[] }[] = [];
  const compare = async (exchange: Exchange): Promise<string[]> => {
    if (!isCall(exchange)) return awaited(exchange, replay);
    const answer = await replay.play(exchange);
    const exception = EXCEPTIONS[exchange.seq];
    if (exception) return exception.expect(answer) ? [] : [`not the exception: ${exception.reason}`];
    return comparison.ofAnswer(exchange, answer);
  };
  for (const step of stepsOf(exchanges)) {
    replay.effects.length = 0;
    for (const exchange of step) {
      const what = `${exchange.seq} ${exchange.step}: ${exchange.path}`;
      told.push({ what, differences: await compare(exchange) });
    }
    const recorded = step.flatMap(recordedEffects);
    const name = step[0]?.step ?? '';
    const missing = EFFECT_EXCEPTIONS[name]?.count ?? 0;
    await eventually(() => replay.effects.length >= recorded.length - missing).catch(() => undefined);
    const what = `${name}: requests to auctioneer and reps`;
    told.push({ what, differences: unexplained(name, effectDifferences(recorded, replay.effects)) });
  }
  return { told, comparison };
};

t.test(
  'golden - every recorded call has its answer and its effects, in order, on an empty board',
  async (t) => {
    const target = await openHttpTarget();
    t.teardown(target.close);
    const { client, socketPath, bus } = await startBbs(t, {
      config: { ...QUIET, task_callback_hosts: [target.host] },
      auctioneer: false,
    });
    const effects = takeEffects(bus);
    const player = createPlayer(socketPath);
    t.teardown(player.close);
    await bringCells(exchanges, client);
    const play = createReaddressed(player, target.host);
    const { told, comparison } = await replayed({ play, client, effects, target });
    for (const { what, differences } of told) t.same(differences, [], what);
    t.same(comparison.disorder(), [], 'times are in the same order');
    t.same(target.received, [], 'nobody else is called back');
    const calls = exchanges.filter(isCall).length;
    const sideEffects = exchanges.flatMap(recordedEffects).length;
    t.ok(calls > 125 && sideEffects > 20, `${calls} calls, ${sideEffects} effects`);
    t.ok(comparison.mapped().epochs > 6 && comparison.mapped().times > 40);
  },
);

/** Parts that ours always writes, where a client leaves them out: an empty message each. */
const ALWAYS_BYTES = 6;

/** bytes by which a message grows when it is read and written again; less than 0: something in it is unknown */
const growth = (name: WireName, body: string | undefined): number => {
  const bytes = bytesOf(body);
  const message = must(decode(name, bytes));
  return encode(name, message as WireMessages[typeof name]).length - bytes.length;
};

t.test('golden - nothing of a recorded message is unknown: it comes out as long as it came in', async (t) => {
  let compared = 0;
  for (const { seq, path, request, response } of exchanges.filter(isCall)) {
    const names = messagesOf(path);
    // those that are no messages, by intent
    if (!names || [195, 198, 200].includes(seq)) continue;
    const asked = names.request ? growth(names.request, request.body) : 0;
    t.ok(asked >= 0 && asked <= ALWAYS_BYTES, `${seq} > ${asked}`);
    t.equal(growth(names.answer, response.body), 0, `${seq} <`);
    compared += 1;
  }
  t.ok(compared > 120);
});
