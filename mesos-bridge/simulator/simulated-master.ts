import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../common/ports/clock.js';
import type { Random } from '../../common/ports/random.js';
import type { Faults } from './faults.js';
import { createFaults } from './faults.js';
import type { Credentials, Standing } from './handlers/master-server.js';
import { createMasterServer } from './handlers/master-server.js';
import type { MasterDoor } from './link.js';
import { connectAgent } from './master/agent-door.js';
import type { MasterFlags } from './master/flags.js';
import { createMaster, createRegistry, endMaster } from './master/master.js';
import type { Master, Registry } from './master/state.js';

export interface SimulatedMasterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly credentials: Credentials;
  /** default 127.0.0.1 */
  readonly ip?: string;
  /** default the ip */
  readonly hostname?: string;
  /** default 0: any that is free */
  readonly port?: number;
  readonly flags?: Partial<MasterFlags>;
  /** of the cluster that it belongs to, so that a new master knows the agents of the old one */
  readonly registry?: Registry;
  readonly faults?: Faults;
}

/** A simulated Mesos master on a port. */
export interface SimulatedMaster {
  readonly port: number;
  /** `host:port` */
  readonly address: string;
  readonly url: string;
  readonly faults: Faults;
  /** where simulated agents connect; nobody is there unless it leads */
  readonly door: MasterDoor;
  /** the state of the master that leads; undefined when it does not */
  state(): Master | undefined;
  /** leads from now on, as a new master that knows only the registry; what it was before ends as if it were killed */
  lead(): void;
  /** answers 503 from now on, as a leader that reads its registry */
  recover(): void;
  /** sends everybody to that leader (`host:port`), or answers 503 where it knows of none */
  follow(leader: string | undefined): void;
  /** cuts every connection, streams in the middle too; whoever comes again is served */
  cutConnections(): void;
  /** the process dies: connections are reset, the port is closed, agents' links break */
  kill(): Promise<void>;
  /** starts again on the same port after `kill`, as a master that leads */
  restart(): Promise<void>;
}

const listen = async (server: Server, port: number, ip: string): Promise<number> => {
  server.listen(port, ip);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

const close = async (server: Server): Promise<void> => {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
};

/** Listens, and leads. */
export const createSimulatedMaster = async (options: SimulatedMasterOptions): Promise<SimulatedMaster> => {
  const { clock, random, credentials, flags, ip = '127.0.0.1', hostname = ip } = options;
  const { registry = createRegistry(), faults = createFaults() } = options;
  let standing: Standing = { kind: 'starting' };
  let address = '';

  const stand = (next: Standing): void => {
    if (standing.kind === 'leading') endMaster(standing.m);
    standing = next;
  };
  const createHttp = (): Server =>
    createMasterServer({
      standing: () => standing,
      credentials,
      faults,
      address: () => address,
      abort: () => void kill(),
    });
  let server = createHttp();
  const port = await listen(server, options.port ?? 0, ip);
  address = `${hostname}:${port}`;

  const lead = (): void => {
    if (standing.kind === 'leading') server.closeAllConnections();
    const m = createMaster({
      clock,
      random,
      registry,
      address: { hostname, ip, port },
      ...(flags && { flags }),
    });
    stand({ kind: 'leading', m });
  };
  const leaving = (next: Standing): void => {
    stand(next);
    server.closeAllConnections();
  };
  const kill = async (): Promise<void> => {
    stand({ kind: 'starting' });
    await close(server);
  };

  lead();
  return {
    port,
    address,
    url: `http://${address}`,
    faults,
    door: {
      connect: (agent) => (standing.kind === 'leading' ? connectAgent(standing.m, agent, faults) : undefined),
    },
    state: () => (standing.kind === 'leading' ? standing.m : undefined),
    lead,
    recover: () => leaving({ kind: 'recovering' }),
    follow: (leader) => leaving({ kind: 'following', leader }),
    cutConnections: () => server.closeAllConnections(),
    kill,
    async restart() {
      server = createHttp();
      await listen(server, port, ip);
      lead();
    },
  };
};
