import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import type { CaptureLogger } from '../../common/adapters/capture-logger.js';
import { readNatsAccess } from '../../common/adapters/nats-access.js';
import type { NatsAccess } from '../../common/adapters/nats-access.js';
import { createNatsBus } from '../../common/adapters/nats-bus.js';
import type { Bus } from '../../common/ports/bus.js';
import { createFakeCli } from './cli-context.js';
import { eventually } from './eventually.js';
import { freePorts, natsProcess } from './nats-server.js';
import type { NatsProcess } from './nats-server.js';

export interface NatsConnection {
  readonly bus: Bus;
  readonly logger: CaptureLogger;
  /** the index of the server it is connected to */
  server(): number;
}

/** Servers run from the files that `outcry nats-config` has written; all ends with the test. */
export interface NatsCluster {
  readonly dir: string;
  readonly ports: readonly number[];
  readonly servers: readonly NatsProcess[];
  access(user: string): NatsAccess;
  /** a connection as this user, connected; `change` says how it differs from what its file says */
  connect(user: string, change?: Partial<NatsAccess>): Promise<NatsConnection>;
  /** the same, whether it connects or not */
  dial(user: string, change?: Partial<NatsAccess>): NatsConnection;
  /** only this server */
  only(index: number): { servers: string };
}

export interface NatsClusterOptions {
  count: number;
  /** further words of the command */
  words: readonly string[];
}

export const startNatsCluster = async (t: Test, options: NatsClusterOptions): Promise<NatsCluster> => {
  const { count, words } = options;
  const dir = mkdtempSync(join(tmpdir(), 'outcry-nats-'));
  const ports = await freePorts(2 * count);
  const clients = ports.slice(0, count);
  const list = (some: readonly number[]): string => some.map((port) => `127.0.0.1:${port}`).join(',');
  const cli = createFakeCli();
  const addresses = ['--servers', list(clients), '--routes', list(ports.slice(count))];
  const status = await cli.run('nats-config', '--out', dir, ...addresses, ...words);
  if (status !== 0) throw new Error(cli.err());

  const servers = clients.map((port, index) => natsProcess(join(dir, `nats-${index + 1}`), port));
  const buses: Bus[] = [];
  t.teardown(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await Promise.all(servers.map((server) => server.kill()));
    rmSync(dir, { recursive: true, force: true });
  });
  await Promise.all(servers.map((server) => server.start()));

  const access = (user: string): NatsAccess => readNatsAccess(join(dir, 'users', `${user}.json`));
  const dial = (user: string, change: Partial<NatsAccess> = {}): NatsConnection => {
    const logger = createCaptureLogger();
    const bus = createNatsBus({ ...access(user), ...change, name: user, logger });
    buses.push(bus);
    const server = (): number => {
      const last = String(logger.named('nats.nats-connected').at(-1)?.fields['server']);
      return clients.findIndex((port) => last.endsWith(`:${port}`));
    };
    return { bus, logger, server };
  };
  return {
    dir,
    ports: clients,
    servers,
    access,
    dial,
    async connect(user, change) {
      const connection = dial(user, change);
      await eventually(() => connection.bus.connected(), { timeoutMs: 20_000, what: `${user} connected` });
      return connection;
    },
    only: (index) => ({ servers: access('bbs').servers[index] ?? '' }),
  };
};
