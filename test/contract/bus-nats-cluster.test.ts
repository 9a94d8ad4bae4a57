import t from 'tap';
import type { Test } from 'tap';
import { bbsEventSubject, cellSubject } from '../../common/wire/subjects.js';
import { eventually } from '../support/eventually.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import type { NatsCluster, NatsConnection } from '../support/nats-cluster.js';
import { onPath, requireSuite } from '../support/requires.js';

const DEADLINE = { timeoutMs: 20_000 };
const EVENT = bbsEventSubject('numbered');
const WORK = cellSubject('cell-1', 'work');

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

const numbersHeardBy = ({ bus }: NatsConnection): number[] => {
  const heard: number[] = [];
  bus.subscribe(EVENT, ({ payload }) => heard.push(Number(text(payload))));
  return heard;
};

/** Numbers what it publishes, and publishes until `done`. */
const createCounter = ({ bus }: NatsConnection) => {
  let next = 0;
  const publish = (): number => {
    bus.publish(EVENT, bytes(String(next)));
    return next++;
  };
  return {
    publish,
    until: (done: () => boolean, what: string) =>
      eventually(
        () => {
          publish();
          return done();
        },
        { ...DEADLINE, what },
      ),
  };
};

const follows = (numbers: readonly number[]): boolean =>
  numbers.every((number, at) => at === 0 || number === (numbers[at - 1] ?? 0) + 1);

/** Every server knows the others: what one is told is heard at each. */
const meshed = async (cluster: NatsCluster): Promise<void> => {
  const speakers = await Promise.all([0, 1, 2].map((at) => cluster.connect('bbs', cluster.only(at))));
  const listeners = await Promise.all([0, 1, 2].map((at) => cluster.connect('api', cluster.only(at))));
  const heard = new Set<string>();
  for (const [at, { bus }] of listeners.entries()) {
    bus.subscribe(bbsEventSubject('*'), ({ payload }) => heard.add(`${text(payload)} at ${at}`));
  }
  await eventually(
    () => {
      for (const [at, { bus }] of speakers.entries()) bus.publish(bbsEventSubject('hello'), bytes(`${at}`));
      return heard.size === 9;
    },
    { ...DEADLINE, what: 'nine ways through the cluster' },
  );
  await Promise.all([...speakers, ...listeners].map(({ bus }) => bus.close()));
};

const others = (index: number): [number, number] => [(index + 1) % 3, (index + 2) % 3];

const events = async (t: Test, cluster: NatsCluster): Promise<void> => {
  // each where the next part wants it: the wanderer on a server that dies, the others where it does not
  const wanderer = await cluster.connect('auctioneer');
  const doomed = wanderer.server();
  const [there, elsewhere] = others(doomed);
  const speaker = await cluster.connect('bbs', cluster.only(there));
  const settled = await cluster.connect('api', cluster.only(elsewhere));
  const [wandered, stayed] = [numbersHeardBy(wanderer), numbersHeardBy(settled)];
  const counter = createCounter(speaker);
  await counter.until(() => wandered.length > 0 && stayed.length > 0, 'both hear');

  const before = counter.publish();
  await eventually(() => wandered.at(-1) === before, DEADLINE);
  const beforeLoss = wandered.length;
  await cluster.servers[doomed]?.kill();
  await counter.until(() => !wanderer.bus.connected(), 'the loss is noticed');
  await counter.until(() => wandered.length > beforeLoss, 'heard again through another server');
  const last = counter.publish();
  await eventually(() => wandered.at(-1) === last && stayed.at(-1) === last, DEADLINE);

  t.not(wanderer.server(), doomed);
  t.ok(follows(wandered.slice(0, beforeLoss)), 'all of before the loss');
  t.ok(follows(wandered.slice(beforeLoss)), 'all of after it, once and in order');
  t.ok(follows(stayed), 'who was elsewhere misses nothing');
  t.equal(speaker.logger.named('nats.nats-disconnected').length, 0, 'nobody else is cut');

  await cluster.servers[doomed]?.start();
  const returned = await cluster.connect('operator', cluster.only(doomed));
  const again = numbersHeardBy(returned);
  await counter.until(() => again.length > 0, 'the server is back in the cluster');
  t.ok(follows(wandered.slice(beforeLoss)));
};

const requests = async (t: Test, cluster: NatsCluster): Promise<void> => {
  const cell = await cluster.connect('cell-1');
  const doomed = cell.server();
  const auctioneer = await cluster.connect('auctioneer', cluster.only(others(doomed)[0]));
  cell.bus.subscribe(WORK, (message) => message.respond(bytes('done')));
  const worked = () =>
    eventually(async () => (await auctioneer.bus.request(WORK, bytes(''), { timeoutMs: 2_000 })).ok, {
      ...DEADLINE,
      what: 'work is answered',
    });
  t.ok(await worked());
  await cluster.servers[doomed]?.kill();
  await eventually(() => cell.logger.named('nats.nats-disconnected').length === 1, DEADLINE);
  t.ok(await worked(), 'the same subscription, through another server');
  t.not(cell.server(), doomed);
  const stop = await cell.bus.request(cellSubject('cell-2', 'stop'), bytes(''), DEADLINE);
  t.same(stop, { ok: false, error: 'denied' }, 'and the same permissions');
  await cluster.servers[doomed]?.start();
};

requireSuite(t, 'nats', () => {
  t.test('bus over a cluster of three', async (t) => {
    const tls = onPath('openssl') === undefined ? [] : ['--tls'];
    const cluster = await startNatsCluster(t, { count: 3, words: ['--cells', '1', ...tls] });
    await meshed(cluster);
    await t.test('a server dies - nothing is lost but what was under way', (t) => events(t, cluster));
    await t.test('a server dies - requests are answered through another', (t) => requests(t, cluster));
  });
});
