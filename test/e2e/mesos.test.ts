/** Cells that come and go on a simulated Mesos: real processes, real sockets, executors as Mesos starts them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { request } from 'undici';
import { packageRoot } from '../../common/runtime/package-root.js';
import { desiredLrp, must } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import { runAction } from '../support/lrps.js';
import { startProcessSystem } from '../support/processes.js';
import type { ProcessSystem } from '../support/processes.js';
import { requireSuite } from '../support/requires.js';

const AGENTS = 10;
const MANY = 50;
/** MB: seven find room on an agent beside their executor */
const MEMORY_MB = 500;
const PER_AGENT = 7;
const TIMEOUT_MS = 150_000;

const sleeper = (processGuid: string, instances: number, memoryMb = MEMORY_MB) =>
  desiredLrp({
    processGuid,
    instances,
    memoryMb,
    diskMb: 16,
    ports: [],
    routes: {},
    action: runAction({ path: '/bin/sleep', args: ['1000000'] }),
  });

/** How many instances run on each cell. */
const places = async ({ bbs }: ProcessSystem, processGuid: string): Promise<Map<string, number>> => {
  const found = new Map<string, number>();
  for (const { state, cellId } of must(await bbs.actualLrps({ processGuid })))
    if (state === 'RUNNING') found.set(cellId, (found.get(cellId) ?? 0) + 1);
  return found;
};

const sum = (counts: Iterable<number>): number => [...counts].reduce((all, one) => all + one, 0);

const running = (system: ProcessSystem, processGuid: string, instances: number): Promise<unknown> =>
  eventually(async () => sum((await places(system, processGuid)).values()) === instances, {
    timeoutMs: TIMEOUT_MS,
    what: `${instances} instances of ${processGuid} run`,
  });

const gone = async ({ bbs }: ProcessSystem, processGuid: string): Promise<void> => {
  must(await bbs.removeDesiredLrp(processGuid, ''));
  await eventually(async () => must(await bbs.actualLrps({ processGuid })).length === 0, {
    timeoutMs: TIMEOUT_MS,
    what: `nothing of ${processGuid} is left`,
  });
};

/** What an operator asks the master. */
const askMaster = async (dir: string, port: number, type: string): Promise<Record<string, unknown>> => {
  const secret = readFileSync(join(dir, 'mesos', 'secret'), 'utf8').trim();
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/api/v1`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(`outcry:${secret}`).toString('base64')}`,
    },
    body: JSON.stringify({ type }),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${type}: ${statusCode} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
};

const masterPort = (dir: string): number => {
  const [, port] = /^masters: 127\.0\.0\.1:(\d+)$/m.exec(
    readFileSync(join(dir, 'control', 'mesos-bridge.yml'), 'utf8'),
  ) ?? ['', ''];
  return Number(port);
};

/** No task, no executor, no offer: whatever Mesos has is anybody's. */
const nothingHeld = async ({ dir }: ProcessSystem): Promise<boolean> => {
  const port = masterPort(dir);
  const [tasks, executors, frameworks] = await Promise.all(
    ['GET_TASKS', 'GET_EXECUTORS', 'GET_FRAMEWORKS'].map((type) => askMaster(dir, port, type)),
  );
  const text = JSON.stringify(frameworks);
  return (
    !JSON.stringify(tasks).includes('"tasks":[{') &&
    !JSON.stringify(executors).includes('executor_info') &&
    !text.includes('"offers":[{') &&
    !text.includes('"offered_resources":[{')
  );
};

const useStrategy = async (system: ProcessSystem, strategy: string): Promise<void> => {
  const file = join(system.dir, 'control', 'auctioneer.yml');
  await system.kill('auctioneer', 'SIGTERM');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/strategy: \w+/, `strategy: ${strategy}`));
  system.start('auctioneer');
};

const suite = (): void => {
  t.test(
    'mesos - with no cell at all work gets cells made of offers, and they go when it has gone',
    async (t) => {
      const system = await startProcessSystem({
        cells: 0,
        natsServers: 1,
        mesos: { agents: AGENTS, zones: 1 },
        auctioneer: { policy: { strategy: 'binpack' } },
        bridge: { executor: { idle: '3s' } },
      });
      t.teardown(() => system.close());

      await system.outcry('push', join(packageRoot(), 'examples/hello'), '-i', '1');
      const { statusCode, body } = await request(system.endpoint.router, {
        headers: { host: 'hello.localhost' },
      });
      t.match([statusCode, await body.text()], [200, /^Hello/], 'pushed, and answered through the router');
      await system.outcry('delete', 'hello', '-f');

      must(await system.bbs.desireLrp(sleeper('packed', MANY), ''));
      await running(system, 'packed', MANY);
      const packed = await places(system, 'packed');
      t.equal(packed.size, Math.ceil(MANY / PER_AGENT), `fewest agents: ${[...packed.values()].join(' ')}`);
      await gone(system, 'packed');
      // what an executor's end frees is offered by itself: places would not be alike
      await eventually(() => nothingHeld(system), { timeoutMs: TIMEOUT_MS, what: 'Mesos has it all back' });

      await useStrategy(system, 'spread');
      must(await system.bbs.desireLrp(sleeper('spread', MANY), ''));
      await running(system, 'spread', MANY);
      const counts = [...(await places(system, 'spread')).values()];
      t.equal(counts.length, AGENTS);
      t.ok(Math.max(...counts) - Math.min(...counts) <= 1, `evenly: ${counts.join(' ')}`);
      t.match(await system.outcry('mesos', 'offers'), /./);
      await gone(system, 'spread');

      await eventually(() => nothingHeld(system), {
        timeoutMs: TIMEOUT_MS,
        what: 'Mesos has everything back',
      });
      t.match(await system.outcry('mesos', 'offers'), /no offers are wanted now/, 'and is asked for none');
      t.same(system.defects(), []);
    },
  );

  t.test('mesos - what finds no room on own cells goes to Mesos', async (t) => {
    const system = await startProcessSystem({
      cells: 1,
      natsServers: 1,
      mesos: { agents: 2 },
      cell: { memory: '1200M' },
    });
    t.teardown(() => system.close());
    must(await system.bbs.desireLrp(sleeper('much', 6), ''));
    await running(system, 'much', 6);
    const found = await places(system, 'much');
    t.equal(found.get('cell-1'), 2, 'its own cell is full');
    found.delete('cell-1');
    t.equal(sum(found.values()), 4, 'the rest is on Mesos');
    t.same(system.defects(), []); //
  });
};

requireSuite(t, 'nats', suite);
