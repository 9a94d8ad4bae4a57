import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import type { ContainerInfo } from '../../../cell-rep/core/container-runtime.js';
import { createProbe } from '../../../cell-rep/health/probe.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { eventually } from '../../support/eventually.js';

/** An application that answers when it is told to, and a probe of it with a second's patience. */
const start = async (t: Test) => {
  const asked: ServerResponse[] = [];
  const server = createServer((_request, response) => void asked.push(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const info = {
    address: '127.0.0.1',
    instanceAddress: '',
    ports: [{ containerPort: 8080, hostPort: port }],
  };
  const clock = createFakeClock();
  const check = { httpCheck: { port: 8080, path: '/', requestTimeoutMs: 1_000, intervalMs: 0 } };
  const probe = createProbe(check, () => info as unknown as ContainerInfo, clock);
  const interruption = new AbortController();
  const result = probe(interruption.signal);
  const until = (count: number) => eventually(() => asked.length === count, { what: `asked ${count} times` });
  await until(1);
  return { clock, asked, until, interruption, result };
};

t.test('probe - one that is not answered in time has failed', async (t) => {
  const { clock, asked, result } = await start(t);
  await clock.advance(1_000);
  const detail = "failed to make HTTP request to '/' on port 8080: timed out after 1.00 seconds";
  t.same(await result, { healthy: false, detail });
  t.equal(asked.length, 1);
});

t.test('probe - a busy machine is no sleeping one: late by less than two seconds has failed', async (t) => {
  const { clock, result } = await start(t);
  clock.oversleep(2_900);
  await clock.advance(0);
  t.match(await result, { healthy: false, detail: /timed out after 2\.90 seconds/ });
});

t.test('probe - when it times out because the machine slept, it asks again', async (t) => {
  const { clock, asked, until, result } = await start(t);
  for (const nth of [2, 3]) {
    clock.oversleep(60_000);
    await clock.advance(0);
    await until(nth);
  }
  asked.at(-1)?.end('well');
  t.same(await result, { healthy: true });
  t.equal(clock.pending(), 0);
});

t.test('probe - nobody asks again for whoever does not want to know any more', async (t) => {
  const { clock, asked, interruption, result } = await start(t);
  clock.oversleep(60_000);
  interruption.abort();
  await clock.advance(0);
  t.match(await result, { healthy: false });
  t.equal(asked.length, 1);
});
