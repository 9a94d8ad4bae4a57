import { readFileSync } from 'node:fs';
import { createBbsClient } from '../bbs/index.js';
import type { Ground } from '../common/runtime/component-process.js';
import type { ComponentMain } from '../common/runtime/component-process.js';
import { joinConfigs } from '../common/runtime/config.js';
import { closingMember } from '../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../common/runtime/process-config.js';
import { assembleMesosBridge } from './assemble.js';
import { createEnrolling } from './bridge/enrolling.js';
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

/** The bridge as a process of its own. Several may run: one holds the lease, the others stand by. */
export const main: ComponentMain<ReturnType<typeof config.compile>> = {
  component: 'mesos-bridge',
  config,
  assemble({ link, bridge }, ground) {
    const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
    const enrolling = createEnrolling({ ...ground, store: bbs, config: bridge });
    const { members, health } = assembleMesosBridge({
      ...ground,
      bbs,
      config: bridge,
      openClient: clientsOf(bridge, ground),
      openDoor: enrolling.openDoor,
    });
    return { members: [closingMember('bbs-client', bbs), ...enrolling.members, ...members], health };
  },
};
