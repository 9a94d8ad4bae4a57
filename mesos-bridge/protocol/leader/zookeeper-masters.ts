import { OutcryError } from '../../../common/model/errors.js';
import { createToldCauses } from '../../../common/model/told-causes.js';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { Random } from '../../../common/ports/random.js';
import { createBackOff } from '../http/back-off.js';
import type { MastersAddress } from './address.js';
import { addressOf, leaderAmong } from './election.js';
import type { Candidate } from './election.js';
import type { Masters } from './masters.js';
import { ZooKeeperSession } from './zookeeper-session.js';
import { ZK_NO_NODE, ZK_OK, zookeeperError } from './zookeeper-wire.js';

export interface ZooKeeperMastersOptions {
  address: Extract<MastersAddress, { is: 'zookeeper' }>;
  /** the master by its name, as certificates need it; by its number otherwise */
  byName: boolean;
  /** ms; as Mesos has it when absent: 10 s */
  sessionMs?: number;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const SESSION_MS = 10_000;
const FIRST_WAIT_MS = 200;
const MAX_WAIT_MS = 10_000;

class ZooKeeperMasters implements Masters {
  private readonly listeners = new Set<() => void>();
  private readonly told = createToldCauses();
  private readonly backOff;
  private session: ZooKeeperSession | undefined;
  private timer: Cancel = () => undefined;
  private leader: string | undefined;
  private why = 'ZooKeeper has not answered yet';
  /** of servers, which are tried in turn */
  private at = 0;
  /** of readings: one that another has overtaken counts for nothing */
  private reading = 0;

  constructor(private readonly options: ZooKeeperMastersOptions) {
    const { random } = options;
    this.backOff = createBackOff({ random, firstMs: FIRST_WAIT_MS, maxMs: MAX_WAIT_MS });
    this.at = Math.floor(random.fraction() * options.address.servers.length);
    this.connect();
  }

  next(): string | undefined {
    return this.leader;
  }

  onChange(listener: () => void): Cancel {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  trouble(): string {
    return this.why;
  }

  async close(): Promise<void> {
    this.timer();
    this.reading += 1;
    this.session?.close();
    this.session = undefined;
  }

  private server(): string {
    const { servers } = this.options.address;
    return servers[this.at % servers.length] ?? '';
  }

  private connect(): void {
    const { address, clock, sessionMs = SESSION_MS } = this.options;
    const session = new ZooKeeperSession({
      server: this.server(),
      credentials: address.credentials,
      sessionMs,
      clock,
      onReady: () => this.readAgain(session),
      onWatch: () => this.readAgain(session),
      onLost: (reason, refused) => this.onLost(reason, refused),
    });
    this.session = session;
  }

  /** The leader of before stays, since the election may well go on without us. */
  private onLost(reason: string, refused: boolean): void {
    const { clock, logger } = this.options;
    const code = refused ? 'ZOOKEEPER_REFUSED' : 'ZOOKEEPER_UNREACHABLE';
    const { message, remedy } = new OutcryError(code, { server: this.server(), reason });
    if (this.told.isNew(message)) logger.warn('zookeeper-lost', { code, message, remedy });
    if (this.leader === undefined) this.why = message;
    this.reading += 1;
    this.session = undefined;
    this.at += 1;
    this.timer = clock.after(this.backOff.next(), () => this.connect());
  }

  private readAgain(session: ZooKeeperSession): void {
    this.read(session).catch((cause: unknown) => {
      if (this.session !== session) return;
      session.close();
      this.onLost(`what it says is no message of ZooKeeper: ${(cause as Error).message}`, false);
    });
  }

  private async read(session: ZooKeeperSession): Promise<void> {
    const { path } = this.options.address;
    this.reading += 1;
    const { reading } = this;
    const overtaken = (): boolean => reading !== this.reading;
    const children = await session.ask('getChildren', path, true);
    if (overtaken()) return;
    // the node comes with the first master: only then there is something to watch
    if (children.code === ZK_NO_NODE) return this.awaitNode(session, overtaken);
    if (children.code !== ZK_OK) return this.refused(children.code, session);
    this.backOff.reset();
    if (this.told.clear()) this.options.logger.info('zookeeper-answers', { server: this.server() });
    const candidate = leaderAmong(children.body.texts());
    if (!candidate) return this.elect(undefined, `no master stands for election at ${path}`);
    await this.readCandidate(session, candidate, overtaken);
  }

  private async readCandidate(
    session: ZooKeeperSession,
    candidate: Candidate,
    overtaken: () => boolean,
  ): Promise<void> {
    const path = `${this.options.address.path}/${candidate.name}`;
    const node = await session.ask('getData', path, false);
    if (overtaken()) return;
    // it has gone since: the watch on the children tells of that as well
    if (node.code === ZK_NO_NODE) return this.elect(undefined, `the master of ${path} has just gone`);
    if (node.code !== ZK_OK) return this.refused(node.code, session);
    const address = addressOf(node.body.bytes(), { form: candidate.form, byName: this.options.byName });
    this.elect(address, address === undefined ? `what ${path} holds is no master` : '');
  }

  private async awaitNode(session: ZooKeeperSession, overtaken: () => boolean): Promise<void> {
    const { path } = this.options.address;
    const node = await session.ask('exists', path, true);
    if (overtaken()) return;
    if (node.code === ZK_OK) return this.read(session);
    this.elect(undefined, `there is no node ${path} in ZooKeeper`);
  }

  private refused(code: number, session: ZooKeeperSession): void {
    session.close();
    this.onLost(zookeeperError(code), true);
  }

  private elect(leader: string | undefined, why: string): void {
    this.why = why;
    if (leader === this.leader) return;
    this.leader = leader;
    this.options.logger.info('leader-elected', { leader: leader ?? 'none', ...(why && { reason: why }) });
    for (const listener of [...this.listeners]) listener();
  }
}

/** The master that leads by ZooKeeper, which is read and watched until closed. */
export const zookeeperMasters = (options: ZooKeeperMastersOptions): Masters => new ZooKeeperMasters(options);
