/**
 * A router as a process of its own with all of its features on (access log in a file, logs of applications over NATS,
 * metrics), an application that does nearly nothing in a second process, the load in a third.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNatsBus } from '../common/adapters/nats-bus.js';
import { createPinoLogger } from '../common/adapters/pino-logger.js';
import type { Bus } from '../common/ports/bus.js';
import { cellRole, ROLES } from '../common/wire/nats-roles.js';
import { SUBJECTS } from '../common/wire/subjects.js';
import { eventually } from '../test/support/eventually.js';
import { startNatsServer } from '../test/support/nats-server.js';
import type { NatsServer } from '../test/support/nats-server.js';
import type { LoadOrder, LoadResult } from './router-load.js';

export interface RouterBench {
  /** of the router's process */
  readonly pid: number;
  /** where it listens */
  readonly port: number;
  /** registers so many routes of many applications that all lead to one process, and waits until the router has them */
  register(routes: number): Promise<void>;
  /** takes one of those routes away, or puts it back */
  change(kind: 'register' | 'unregister', nth: number): void;
  work(order: LoadOrder): Promise<LoadResult>;
  close(): Promise<void>;
}

const part = (name: string, execArgv: readonly string[]): ChildProcess =>
  fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), { execArgv: [...execArgv] });

const answerOf = async <T>(child: ChildProcess): Promise<T> => ((await once(child, 'message')) as [T])[0];

const ask = async <T>(child: ChildProcess, message: object): Promise<T> => {
  const answer = answerOf<T>(child);
  child.send(message);
  return answer;
};

const registrationOf = (nth: number, port: number): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      ...{ host: '127.0.0.1', port, uris: [`app-${nth}.bench.test`], app: `app-${nth}` },
      ...{ private_instance_id: `instance-${nth}`, private_instance_index: '0' },
      tags: { component: 'route-emitter' },
    }),
  );

const startRegistrar = async (nats: NatsServer): Promise<Bus> => {
  const credentials = nats.credentials('cell-a');
  const logger = createPinoLogger({ level: 'error' });
  const bus = createNatsBus({ servers: nats.url, credentials, name: 'cell-a', logger });
  await eventually(() => bus.connected());
  return bus;
};

const SUBJECT = { register: SUBJECTS.routerRegister, unregister: SUBJECTS.routerUnregister };

/** `execArgv` is what Node.js is given for the router. */
export const startRouterBench = async (execArgv: readonly string[]): Promise<RouterBench> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-bench-router-'));
  const nats = await startNatsServer({ router: ROLES.router, 'cell-a': cellRole('a') });
  const upstream = part('router-upstream', []);
  const router = part('router-part', execArgv);
  const load = part('router-load', []);
  const bus = await startRegistrar(nats);
  const { port: app } = await answerOf<{ port: number }>(upstream);
  const config = {
    ...{ port: 0, backends: { max_conns: 0 } },
    access_log: { file: join(dir, 'access.log'), app_logs: true },
  };
  const order = { servers: nats.url, credentials: nats.credentials('router'), config };
  const { port } = await ask<{ port: number }>(router, order);
  const change: RouterBench['change'] = (kind, nth) =>
    void bus.publish(SUBJECT[kind], registrationOf(nth, app));
  return {
    pid: router.pid ?? 0,
    port,
    change,
    async register(routes) {
      const known = async (): Promise<number> => (await ask<{ routes: number }>(router, {})).routes;
      const before = await known();
      await eventually(async () => {
        // it may have begun to serve before it could hear
        if ((await known()) === before) for (let nth = 0; nth < routes; nth += 1) change('register', nth);
        await bus.flush();
        return (await known()) === routes;
      });
    },
    work: (job) => ask(load, job),
    async close() {
      await bus.close();
      const exits = [upstream, router, load].map((child) => once(child, 'exit'));
      for (const child of [upstream, router, load]) child.disconnect();
      await Promise.all(exits);
      await nats.close();
      rmSync(dir, { recursive: true });
    },
  };
};
