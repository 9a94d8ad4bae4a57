import { readFileSync } from 'node:fs';
import { createBbsClient } from '../bbs/index.js';
import type { Ground } from '../common/runtime/component-process.js';
import type { ComponentMain } from '../common/runtime/component-process.js';
import { joinConfigs } from '../common/runtime/config.js';
import { closingMember } from '../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../common/runtime/process-config.js';
import { assembleMesosBridge } from './assemble.js';
import { enrolmentToken, loadEnrolmentSecret } from './bridge/enrolment-secret.js';
import type { BridgeBbs } from './bridge/active.js';
import type { EnrolmentDoor } from './bridge/executor-info.js';
import type { OpenClient } from './bridge/subscription.js';
import { mesosBridgeConfig } from './config.js';
import type { MesosBridgeConfig } from './config.js';
import { listOfMasters } from './protocol/leader/masters.js';
import { createSchedulerClient } from './protocol/scheduler/client.js';
import { readMesosTls } from './protocol/tls.js';

const config = joinConfigs({
  process: processConfig('mesos-bridge'),
  link: bbsLinkConfig,
  bridge: mesosBridgeConfig,
});

const HTTPS = /^https:\/\//;

/** The secret as the file has it, but for the end of its line. */
const credentialsOf = ({ principal, secretFile }: MesosBridgeConfig['framework']) =>
  principal === undefined || secretFile === undefined
    ? {}
    : { credentials: { principal, secret: readFileSync(secretFile, 'utf8').trimEnd() } };

const tlsOf = ({ masters, mastersCaFile }: MesosBridgeConfig) =>
  HTTPS.test(masters)
    ? { tls: readMesosTls(mastersCaFile === undefined ? {} : { caFile: mastersCaFile }) }
    : {};

/** Subscribes as configured, in protobuf, which is half as long as JSON. */
const clientsOf = (bridge: MesosBridgeConfig, { clock, random, logger }: Ground): OpenClient => {
  const access = { ...credentialsOf(bridge.framework), ...tlsOf(bridge) };
  const addresses = bridge.masters.split(',').map((master) => master.replace(/^https?:\/\//, ''));
  return (options) =>
    createSchedulerClient({
      ...options,
      ...access,
      masters: listOfMasters(addresses),
      encoding: 'protobuf',
      clock,
      random,
      logger: logger.session('mesos'),
    });
};

/** What executors are told of the bridge, with a token that every bridge of this framework knows. */
const doorOf = (bridge: MesosBridgeConfig, store: BridgeBbs, { clock, random }: Ground) => {
  const { url, caFile } = bridge.enrolment;
  const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8');
  return async (signal: AbortSignal): Promise<EnrolmentDoor | undefined> => {
    const { name } = bridge.framework;
    const secret = await loadEnrolmentSecret({ store, random, name, clock, signal });
    return secret === undefined
      ? undefined
      : { url, ca, tokenOf: (executorId) => enrolmentToken(secret, executorId) };
  };
};

/** The bridge as a process of its own. Several may run: one holds the lease, the others stand by. */
export const main: ComponentMain<ReturnType<typeof config.compile>> = {
  component: 'mesos-bridge',
  config,
  assemble({ link, bridge }, ground) {
    const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
    const { members, health } = assembleMesosBridge({
      ...ground,
      bbs,
      config: bridge,
      openClient: clientsOf(bridge, ground),
      openDoor: doorOf(bridge, bbs, ground),
    });
    return { members: [closingMember('bbs-client', bbs), ...members], health };
  },
};
