import { readFileSync } from 'node:fs';
import { readNatsAccess } from '../../common/adapters/nats-access.js';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Metrics } from '../../common/ports/metrics.js';
import type { Random } from '../../common/ports/random.js';
import type { Endpoint } from '../../common/runtime/endpoint.js';
import type { Member } from '../../common/runtime/group.js';
import type { MesosBridgeConfig } from '../config.js';
import type { EnrolledDoor, Enrolment, EnrolmentRequest } from '../core/enrolment.js';
import { createEnrolmentTokens, enrolmentToken } from '../handlers/enrolment-tokens.js';
import type { EnrolmentTokens } from '../handlers/enrolment-tokens.js';
import { createEnrolmentDoor } from '../handlers/enrolment.js';
import { loadEnrolmentSecret } from './enrolment-secret.js';
import type { EnrolmentDoor } from './executor-info.js';
import type { IdStore } from './framework-id.js';

/** What the active bridge knows of who may enrol. */
export interface Enrolling {
  /** that executor was launched on that agent, and has not been heard of since */
  expects(executorId: string, agentId: string): boolean;
  /** as the bids of that agent have it */
  zoneOf(agentId: string): string;
}

/** Where executors get what they need, and how they are told of it. */
export interface EnrolmentService {
  readonly members: readonly Member[];
  /** of the active bridge; undefined: it is over */
  open(bridge: () => Enrolling | undefined, signal: AbortSignal): Promise<EnrolmentDoor | undefined>;
}

export interface EnrolmentOptions {
  readonly config: MesosBridgeConfig;
  readonly store: IdStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = `${path}: ${fileReason(cause)}`;
    throw new OutcryError('TLS_FILES_INVALID', { what: 'cells on Mesos', reason }, { cause });
  }
};

const doorOf = (endpoint: Endpoint): EnrolledDoor => {
  if ('socketPath' in endpoint) return { socket: endpoint.socketPath };
  const { url, tls } = endpoint;
  return {
    url,
    cert: tls === undefined ? '' : read(tls.certFile),
    key: tls === undefined ? '' : read(tls.keyFile),
    ca: tls === undefined ? '' : read(tls.caFile),
  };
};

/** Read anew for each executor: certificates are renewed, passwords change. */
const handedTo = ({ enrolment }: MesosBridgeConfig, zone: string): Enrolment => {
  const { natsFile, bbs, blobs, cell } = enrolment;
  const { servers, credentials, tls } = readNatsAccess(natsFile);
  return {
    nats: { servers: [...servers], ...credentials, ...(tls !== undefined && { ca: tls.ca }) },
    bbs: doorOf(bbs),
    ...(blobs !== undefined && { blobs: doorOf(blobs) }),
    cell: { ...cell, ...(zone !== '' && { zone }) },
  };
};

/** What answers for the active bridge; a stand-by is not ready for anybody. */
interface Active {
  readonly tokens: EnrolmentTokens;
  readonly bridge: () => Enrolling | undefined;
}

export const createEnrolment = (options: EnrolmentOptions): EnrolmentService => {
  const { config, store, clock, random, logger, metrics } = options;
  const { url, caFile, listen } = config.enrolment;
  let active: Active | undefined;

  const enrolment = ({ agentId }: EnrolmentRequest): Enrolment | undefined => {
    const bridge = active?.bridge();
    return bridge && handedTo(config, bridge.zoneOf(agentId));
  };

  return {
    members: [
      createEnrolmentDoor({
        listen,
        tokens: { judge: (request) => active?.tokens.judge(request) ?? 'good' },
        enrolment,
        clock,
        logger,
        metrics,
      }),
    ],
    async open(bridge, signal) {
      const { name } = config.framework;
      const secret = await loadEnrolmentSecret({ store, random, name, clock, signal });
      if (secret === undefined) return undefined;
      const expects: Enrolling['expects'] = (executorId, agentId) =>
        bridge()?.expects(executorId, agentId) ?? false;
      const mine: Active = { tokens: createEnrolmentTokens({ secret, expects }), bridge };
      active = mine;
      signal.addEventListener('abort', () => {
        if (active === mine) active = undefined;
      });
      return {
        url,
        ca: caFile === undefined ? undefined : read(caFile),
        tokenOf: (executorId) => enrolmentToken(secret, executorId),
      };
    },
  };
};
