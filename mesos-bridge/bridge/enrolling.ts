/** The bridge's own end of the enrolment: tokens, and what is handed out for them. */
import { readFileSync } from 'node:fs';
import { readNatsAccess } from '../../common/adapters/nats-access.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Metrics } from '../../common/ports/metrics.js';
import type { Random } from '../../common/ports/random.js';
import type { Endpoint } from '../../common/runtime/endpoint.js';
import type { Member } from '../../common/runtime/group.js';
import { readTls } from '../../common/runtime/tls-files.js';
import type { MesosBridgeConfig } from '../config.js';
import type { EnrolledDoor, Enrolment } from '../core/enrolment.js';
import type { HandedOut } from '../enrolment-config.js';
import { createEnrolmentDoor } from '../handlers/enrolment.js';
import { createEnrolmentTokens } from '../handlers/enrolment-tokens.js';
import type { BridgeBbs } from './active.js';
import { enrolmentToken, loadEnrolmentSecret } from './enrolment-secret.js';
import type { EnrolmentDoor } from './executor-info.js';

export interface EnrollingOptions {
  config: Pick<MesosBridgeConfig, 'enrolment' | 'framework'>;
  store: BridgeBbs;
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: Metrics;
}

export interface Enrolling {
  /** how executors find the bridge, from now on until `signal` is aborted; undefined: it is over */
  openDoor(signal: AbortSignal): Promise<EnrolmentDoor | undefined>;
  /** the listener, where this bridge has one: a stand-by listens too, and lets executors wait */
  members: Member[];
}

const handedDoor = (endpoint: Endpoint, what: string, { clock, logger }: EnrollingOptions): EnrolledDoor => {
  if ('socketPath' in endpoint) return { socket: endpoint.socketPath };
  const { url, tls } = endpoint;
  const pem =
    tls === undefined ? { cert: '', key: '', ca: '' } : readTls({ files: tls, what, clock, logger });
  return { url, ...pem };
};

/** Read each time: what was renewed counts for the next cell. */
const handOut = ({ natsFile, bbs, blobs, cell }: HandedOut, options: EnrollingOptions): Enrolment => {
  const { servers, credentials, tls } = readNatsAccess(natsFile);
  const ca = tls?.ca;
  return {
    nats: { servers: [...servers], ...credentials, ...(ca !== undefined && { ca: String(ca) }) },
    bbs: handedDoor(bbs, 'cells on Mesos, for the BBS', options),
    ...(blobs && { blobs: handedDoor(blobs, 'cells on Mesos, for droplets', options) }),
    cell,
  };
};

export const createEnrolling = (options: EnrollingOptions): Enrolling => {
  const { clock, config, logger, metrics, random, store } = options;
  const { caFile, door, url } = config.enrolment;
  const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8');
  let secret: string | undefined;
  const tokens = createEnrolmentTokens({
    tokenOf: (executorId) => (secret === undefined ? undefined : enrolmentToken(secret, executorId)),
    now: clock.now,
  });
  const listener =
    door &&
    createEnrolmentDoor({
      listen: door,
      tokens,
      enrolment: () => handOut(door.handedOut, options),
      clock,
      logger: logger.session('enrolment'),
      metrics,
    });
  return {
    members: listener === undefined ? [] : [listener],
    async openDoor(signal) {
      const { name } = config.framework;
      const loaded = await loadEnrolmentSecret({ store, random, name, clock, signal });
      if (loaded === undefined) return undefined;
      secret = loaded;
      signal.addEventListener('abort', () => (secret = undefined), { once: true });
      return { url, ca, tokenOf: (executorId) => enrolmentToken(loaded, executorId) };
    },
  };
};
