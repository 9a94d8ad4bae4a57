import { readFileSync } from 'node:fs';
import { createBbsClient } from '../bbs/index.js';
import type { Ground } from '../common/runtime/component-process.js';
import type { ComponentMain } from '../common/runtime/component-process.js';
import { joinConfigs } from '../common/runtime/config.js';
import { closingMember } from '../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../common/runtime/process-config.js';
import { assembleMesosBridge } from './assemble.js';
import { createEnrolment } from './bridge/enrolment.js';
import type { OpenClient } from './bridge/subscription.js';
import { mesosBridgeConfig } from './config.js';
import type { MesosBridgeConfig } from './config.js';
import { openMasters } from './protocol/leader/open.js';
import { createSchedulerClient } from './protocol/scheduler/client.js';
import { readMesosTls } from './protocol/tls.js';

const config = joinConfigs({
  process: processConfig('mesos-bridge'),
  link: bbsLinkConfig,
  bridge: mesosBridgeConfig,
});

/** The secret as the file has it, but for the end of its line. */
const credentialsOf = ({ principal, secretFile }: MesosBridgeConfig['framework']) =>
  principal === undefined || secretFile === undefined
    ? {}
    : { credentials: { principal, secret: readFileSync(secretFile, 'utf8').trimEnd() } };

/** Subscribes as configured, in protobuf, which is half as long as JSON. */
const clientsOf = (bridge: MesosBridgeConfig, ground: Ground): OpenClient => {
  const { clock, random, logger } = ground;
  const access = {
    ...credentialsOf(bridge.framework),
    ...(bridge.mastersTls !== undefined && { tls: readMesosTls(bridge.mastersTls) }),
  };
  return (options) =>
    createSchedulerClient({
      ...options,
      ...access,
      masters: openMasters(bridge.masters, { ...ground, overTls: bridge.mastersTls !== undefined }),
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
    const { members, health } = assembleMesosBridge({
      ...ground,
      bbs,
      config: bridge,
      openClient: clientsOf(bridge, ground),
      enrolment: createEnrolment({ ...ground, config: bridge, store: bbs }),
    });
    return { members: [closingMember('bbs-client', bbs), ...members], health };
  },
};
