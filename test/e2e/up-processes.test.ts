/** `outcry up --processes` as its user has it: begun, given up, killed and begun again. */
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { ENDPOINT_FILE } from '../../cli/http/target.js';
import { eventually } from '../support/eventually.js';
import { freePorts } from '../support/nats-server.js';
import { requireSuite } from '../support/requires.js';
import {
  UP,
  askHello,
  containerPlaces,
  endpointOf,
  makeUpDir,
  pidsOf,
  processesAt,
  socketsBelow,
  startUp,
} from '../support/up.js';

const RUNTIME = ['--runtime', 'process'];

/** The example's instances, without what supervises them. */
const appsAt = (places: readonly string[]) =>
  processesAt(places).filter(({ command }) => /^\S*node server\.js$/.test(command));

const nothingLeft = (t: Test, dir: string, places: readonly string[]): void => {
  t.same(processesAt([dir, ...places]), [], 'no process is left');
  t.same(socketsBelow(dir), [], 'and no socket');
  t.same(pidsOf(dir).names(), []);
  t.notOk(existsSync(join(dir, 'data', ENDPOINT_FILE)));
};

const suite = (): void => {
  t.test('up --processes - Ctrl-C while it comes up ends it, and all that it has started', async (t) => {
    const dir = makeUpDir(t);
    // never answers, so that nothing becomes ready
    writeFileSync(join(dir, 'nats-server'), '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    const path = [dir, process.env['PATH']].join(delimiter);
    const one = startUp(t, dir, { args: RUNTIME, env: { PATH: path } });
    await one.says(/^logs /m);
    t.equal(await one.end('SIGINT'), 0);
    t.match(one.printed(), /stopped/);
    nothingLeft(t, dir, []);
  });

  t.test('up --processes - a component that dies is started again; Ctrl-C leaves nothing', async (t) => {
    const dir = makeUpDir(t);
    const one = startUp(t, dir, { args: RUNTIME });
    await one.says(UP);
    // another than was printed at first where another test had its port for a moment
    const router = pidsOf(dir).read('router')?.pid ?? NaN;
    process.kill(router, 'SIGKILL');
    await one.says(/^router ended \(SIGKILL\); starting it again in 0\.2 s$/m);
    await eventually(() => askHello(dir), { timeoutMs: 60_000, what: 'hello answers' });

    const second = startUp(t, dir, { args: RUNTIME });
    t.equal(await second.end(), 1);
    t.match(second.printed(), new RegExp(`^outcry: DATA_DIR_LOCKED: .* in use by process ${one.child.pid} `));
    t.match(await askHello(dir), /^Hello/, 'which has disturbed nothing');

    const places = await containerPlaces(dir);
    t.equal(appsAt(places).length, 3);
    t.equal(await one.end('SIGINT'), 0);
    nothingLeft(t, dir, places);
  });

  t.test('up --processes - after kill -9 the next start adopts what runs, on the same ports', async (t) => {
    const dir = makeUpDir(t);
    const [api, router] = await freePorts(2);
    const args = [...RUNTIME, '--api-port', String(api), '--router-port', String(router)];
    const first = startUp(t, dir, { args });
    await first.says(UP);
    const places = await containerPlaces(dir);
    const before = appsAt(places);
    t.equal(before.length, 3);
    await first.end('SIGKILL');
    const second = startUp(t, dir, { args });
    await second.says(UP);
    t.equal(endpointOf(dir).api, `http://127.0.0.1:${api}`);
    t.same(appsAt(places), before, 'the same processes: none was started again');
    t.match(await askHello(dir), /^Hello/);
    t.equal(await second.end('SIGINT'), 0);
    nothingLeft(t, dir, places);
  });

  t.test('up --processes - a port that is taken is named, and nothing has been started', async (t) => {
    const dir = makeUpDir(t);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.teardown(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const one = startUp(t, dir, { args: [...RUNTIME, '--router-port', String(port)] });
    t.equal(await one.end(), 1);
    t.match(one.printed(), new RegExp(`^outcry: PORT_IN_USE: port ${port} for the router is in use;`));
    nothingLeft(t, dir, []);
  });
};

t.test('up --processes - without nats-server on PATH one line says so', async (t) => {
  const dir = makeUpDir(t);
  const one = startUp(t, dir, { args: RUNTIME, env: { PATH: dir } });
  t.equal(await one.end(), 1);
  t.match(one.printed(), /^outcry: NATS_SERVER_MISSING: nats-server is not on PATH; install it .*\n$/);
  nothingLeft(t, dir, []);
});

requireSuite(t, 'nats', suite);
