import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import { createCaptureLogger } from '../../../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../../../common/adapters/system-clock.js';
import { parseMasters } from '../../../../mesos-bridge/protocol/leader/address.js';
import { zookeeperMasters } from '../../../../mesos-bridge/protocol/leader/zookeeper-masters.js';
import { eventually } from '../../../support/eventually.js';
import { startRawServer } from '../../../support/mesos-raw-server.js';
import { bytesOf, readRecording } from '../../../support/mesos-recordings.js';
import { startScheduler, subscribing } from '../../../support/mesos-scheduler.js';
import { startContender } from '../../../support/zookeeper-contender.js';
import { hasRealZooKeeper, startRealZooKeeper } from '../../../support/zookeeper-real.js';
import { startTestZooKeeper } from '../../../support/zookeeper-server.js';

/** Bytes of the nodes that real masters made, by the name of the node. */
const recorded = (): Map<string, Buffer> => {
  const views = readRecording('32').zookeeper ?? [];
  return new Map(
    views.flatMap(({ nodes }) =>
      Object.entries(nodes).map(([name, { data_base64: data }]): [string, Buffer] => [name, bytesOf(data)]),
    ),
  );
};

const nodes = recorded();
const [first, second] = ['json.info_0000000001', 'json.info_0000000002'].map(
  (name) => nodes.get(name) as Buffer,
);

const watchElection = (t: Test, address: string, { clock = createSystemClock() } = {}) => {
  const parsed = parseMasters(address);
  if (!parsed.ok || parsed.value.is !== 'zookeeper') throw new Error(`${address} is none of ZooKeeper`);
  const logger = createCaptureLogger();
  const random = createSeededRandom(5);
  const masters = zookeeperMasters({ address: parsed.value, byName: false, clock, random, logger });
  const seen: (string | undefined)[] = [];
  masters.onChange(() => seen.push(masters.next()));
  t.teardown(() => masters.close());
  return { masters, seen, logger };
};

const elections = (kind: string, start: () => Promise<{ address: string; close(): Promise<void> }>): void => {
  t.test(`zookeeper (${kind}) - the leader is who came first, and the next when it goes`, async (t) => {
    const server = await start();
    t.teardown(server.close);
    const { masters, seen } = watchElection(t, `zk://${server.address}/mesos`);
    await eventually(() => /no node \/mesos/.test(masters.trouble()));
    t.equal(masters.next(), undefined);

    const a = await startContender(server.address);
    await a.create('/mesos', Buffer.alloc(0), { kind: 'plain' });
    await eventually(() => /no master stands for election/.test(masters.trouble()));
    await a.create('/mesos/log_replicas', Buffer.alloc(0), { kind: 'plain' });
    await a.create('/mesos/json.info_', first as Buffer);
    await eventually(() => masters.next() === '127.0.0.1:5320');

    const b = await startContender(server.address);
    await b.create('/mesos/json.info_', second as Buffer);
    await a.close();
    await eventually(() => masters.next() === '127.0.0.1:5321');
    t.equal(masters.trouble(), '');
    await b.close();
    await eventually(() => masters.next() === undefined);
    t.same(seen, ['127.0.0.1:5320', '127.0.0.1:5321', undefined]);
  });

  t.test(`zookeeper (${kind}) - nodes of older masters, and what is no master`, async (t) => {
    const server = await start();
    t.teardown(server.close);
    const { masters } = watchElection(t, `zk://${server.address}/a/mesos`);
    const a = await startContender(server.address);
    for (const path of ['/a', '/a/mesos']) await a.create(path, Buffer.alloc(0), { kind: 'plain' });
    const old = await a.create('/a/mesos/', Buffer.from('master@10.0.0.9:5050'));
    await eventually(() => masters.next() === '10.0.0.9:5050');
    await a.create('/a/mesos/json.info_', Buffer.from('{"no":"master"}'));
    await a.remove(old);
    await eventually(() => /is no master/.test(masters.trouble()));
    t.equal(masters.next(), undefined);
    await a.close();
  });

  t.test(`zookeeper (${kind}) - credentials are given, and refused where they are wrong`, async (t) => {
    const server = await start();
    t.teardown(server.close);
    const a = await startContender(server.address, 'mesos:tea');
    await a.create('/mesos', Buffer.alloc(0), { kind: 'plain', secret: true });
    await a.create('/mesos/json.info_', first as Buffer, { secret: true });
    const right = watchElection(t, `zk://mesos:tea@${server.address}/mesos`);
    await eventually(() => right.masters.next() === '127.0.0.1:5320');
    const wrong = watchElection(t, `zk://mesos:coffee@${server.address}/mesos`);
    await eventually(() => wrong.logger.named('zookeeper-lost').length > 0);
    t.match(wrong.logger.named('zookeeper-lost'), [
      { fields: { code: 'ZOOKEEPER_REFUSED', message: /not authorised/ } },
    ]);
    t.match(wrong.masters.trouble(), /not authorised/);
    t.notMatch(JSON.stringify(wrong.logger.events), /coffee/);
    await a.close();
  });
};

elections('in memory', startTestZooKeeper);
// ZOOKEEPER_JARS=DIR npm test -- leader/zookeeper
if (hasRealZooKeeper()) elections('real', startRealZooKeeper);

t.test('zookeeper - a scheduler moves to the master that leads, at once', async (t) => {
  const server = await startTestZooKeeper();
  t.teardown(server.close);
  const masters = [await startRawServer(subscribing()), await startRawServer(subscribing())];
  for (const master of masters) t.teardown(master.close);
  const election = watchElection(t, `zk://${server.address}/mesos`);
  const { client, clock, losses } = await startScheduler(t, () => undefined, { masters: election.masters });
  await eventually(() => losses.some(({ kind }) => kind === 'leaderless'));
  t.match(losses[0], { error: { code: 'MESOS_LEADER_UNKNOWN' } });

  const contender = await startContender(server.address);
  await contender.create('/mesos', Buffer.alloc(0), { kind: 'plain' });
  const nodes = [];
  for (const { address } of masters) {
    nodes.push(await contender.create('/mesos/', Buffer.from(`master@${address}`)));
  }
  const isAt = async (master: number): Promise<boolean> => {
    await clock.advance(0);
    return client.subscribed() && client.server() === `http://${masters[master]?.address}`;
  };
  await eventually(() => isAt(0));
  await contender.remove(nodes[0] ?? '');
  await eventually(() => isAt(1));
  t.equal(losses.at(-1)?.kind, 'moved');
});

t.test('zookeeper - while it is away the leader of before stays, and another server is asked', async (t) => {
  const [one, two] = [await startTestZooKeeper(), await startTestZooKeeper()];
  for (const [server, data] of [
    [one, first],
    [two, second],
  ] as const) {
    const contender = await startContender(server.address);
    await contender.create('/mesos', Buffer.alloc(0), { kind: 'plain' });
    await contender.create('/mesos/json.info_', data as Buffer, { kind: 'sequence' });
  }
  const { masters, logger } = watchElection(t, `zk://${one.address}/mesos`);
  await eventually(() => masters.next() === '127.0.0.1:5320');
  await one.close();
  await eventually(() => logger.named('zookeeper-lost').length > 0);
  t.equal(masters.next(), '127.0.0.1:5320');
  t.match(logger.named('zookeeper-lost'), [{ fields: { code: 'ZOOKEEPER_UNREACHABLE', remedy: /./ } }]);

  const both = watchElection(t, `zk://${one.address},${two.address}/mesos`);
  await eventually(() => both.masters.next() === '127.0.0.1:5321');
  await two.close();
});

t.test('zookeeper - a server that hangs is left after two thirds of the session', async (t) => {
  const server = await startTestZooKeeper();
  t.teardown(server.close);
  const clock = createFakeClock();
  const { masters, logger } = watchElection(t, `zk://${server.address}/mesos`, { clock });
  await eventually(() => /no node/.test(masters.trouble()));
  for (let second = 0; second < 30; second += 1) {
    await clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  t.ok(server.pings() >= 5, `${server.pings()} pings`);
  t.same(logger.named('zookeeper-lost'), [], 'answers to pings are signs');
  server.hang();
  await clock.advance(7_000);
  t.match(logger.named('zookeeper-lost'), [{ fields: { message: /nothing was heard for 6\.7 s/ } }]);
});

t.test('zookeeper - what is none is left, and tried again', async (t) => {
  for (const said of ['HTTP/1.1 400 Bad Request\r\n\r\n', '\0\0\0\x02ab', '\0\0\0\x10'.padEnd(20, '\0')]) {
    let connections = 0;
    const odd = createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(said);
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const { port } = odd.address() as AddressInfo;
    const { masters, logger } = watchElection(t, `zk://127.0.0.1:${port}/mesos`);
    await eventually(() => connections > 1);
    t.match(logger.named('zookeeper-lost')[0]?.fields, { code: 'ZOOKEEPER_UNREACHABLE' });
    await masters.close();
    await new Promise((resolve) => odd.close(resolve));
  }
});
