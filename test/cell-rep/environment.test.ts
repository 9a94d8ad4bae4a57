/** What processes are told of where their container is found. */
import t from 'tap';
import type { ContainerInfo } from '../../cell-rep/core/container-runtime.js';
import { processEnvironment } from '../../cell-rep/core/environment.js';
import { lrpIdentity } from '../support/lrps.js';

const INFO: ContainerInfo = {
  guid: 'guid',
  tags: {},
  address: '10.0.0.1',
  instanceAddress: '172.17.0.2',
  ports: [],
  processes: [],
};

const environment = (over: Partial<ContainerInfo>): Record<string, string> =>
  processEnvironment({
    identity: lrpIdentity({ index: 3 }),
    container: [{ name: 'CF_INSTANCE_INTERNAL_IPV6', value: 'forged' }],
    action: [],
    info: { ...INFO, ...over },
    certificatesPath: '',
    hasCredentials: false,
  });

t.test('environment - a container with addresses of both families is told of both', async (t) => {
  t.match(environment({ instanceIpv6Address: 'fd00::2' }), {
    CF_INSTANCE_IP: '10.0.0.1',
    CF_INSTANCE_INTERNAL_IP: '172.17.0.2',
    CF_INSTANCE_INTERNAL_IPV6: 'fd00::2',
  });
});
