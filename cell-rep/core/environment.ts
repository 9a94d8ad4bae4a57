import type { EnvironmentVariable } from '../../common/model/action.js';
import type { ContainerInfo } from './container-runtime.js';
import { credentialVariables } from './credentials.js';
import type { ContainerIdentity } from './identity.js';

const asRecord = (variables: readonly EnvironmentVariable[]): Record<string, string> =>
  Object.fromEntries(variables.map(({ name, value }) => [name, value]));

/** Set for the whole container and before the LRP's own variables; tasks have none. */
const instanceVariables = ({ kind, guid, index }: ContainerIdentity): Record<string, string> =>
  kind === 'task'
    ? {}
    : {
        INSTANCE_GUID: guid,
        INSTANCE_INDEX: String(index),
        CF_INSTANCE_GUID: guid,
        CF_INSTANCE_INDEX: String(index),
      };

/** Where the container is found. CF_INSTANCE_PORT and _ADDR name the first mapping; empty without ports. */
const networkVariables = (info: ContainerInfo): Record<string, string> => {
  const [first] = info.ports;
  const { instanceIpv6Address: ipv6 } = info;
  return {
    CF_INSTANCE_IP: info.address,
    CF_INSTANCE_INTERNAL_IP: info.instanceAddress,
    ...(ipv6 !== undefined && { CF_INSTANCE_INTERNAL_IPV6: ipv6 }),
    CF_INSTANCE_PORT: first === undefined ? '' : String(first.hostPort),
    CF_INSTANCE_ADDR: first === undefined ? '' : `${info.address}:${first.hostPort}`,
    CF_INSTANCE_PORTS: JSON.stringify(
      info.ports.map(({ hostPort, containerPort }) => ({ external: hostPort, internal: containerPort })),
    ),
  };
};

/** VCAP_APPLICATION with what only the cell knows of the instance, as Cloud Foundry's launcher adds it. */
const applicationVariable = (
  { kind, guid, index }: ContainerIdentity,
  text: string | undefined,
): Record<string, string> => {
  if (kind === 'task' || text === undefined) return {};
  try {
    const known: unknown = JSON.parse(text);
    if (typeof known !== 'object' || known === null || Array.isArray(known)) return {};
    const added = { host: '0.0.0.0', instance_id: guid, instance_index: index };
    return { VCAP_APPLICATION: JSON.stringify({ ...known, ...added }) };
  } catch {
    return {};
  }
};

export interface EnvironmentParts {
  identity: ContainerIdentity;
  /** of the LRP or task */
  container: readonly EnvironmentVariable[];
  /** of the run action */
  action: readonly EnvironmentVariable[];
  info: ContainerInfo;
  /** '' = none */
  certificatesPath: string;
  /** it has a certificate and a key of its own */
  hasCredentials: boolean;
}

/** The environment of one process, in Diego's order: later ones win, so nobody can forge the network's. */
export const processEnvironment = (parts: EnvironmentParts): Record<string, string> => {
  const given = {
    ...instanceVariables(parts.identity),
    ...asRecord(parts.container),
    ...asRecord(parts.action),
  };
  return {
    ...given,
    ...applicationVariable(parts.identity, given['VCAP_APPLICATION']),
    ...networkVariables(parts.info),
    ...(parts.hasCredentials && credentialVariables()),
    ...(parts.certificatesPath !== '' && { CF_SYSTEM_CERT_PATH: parts.certificatesPath }),
  };
};
