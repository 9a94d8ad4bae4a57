import type { ContainerSpec } from './container-runtime.js';

/** What of a container takes more than processes of this machine; '' = nothing. */
export const beyondProcesses = ({ egress, mounts = [], sysctls = {} }: ContainerSpec): string => {
  if (mounts.length > 0) return 'volumes cannot be mounted on this cell: its containers are plain processes';
  if (egress !== undefined)
    return 'egress rules cannot be enforced on this cell: its containers are plain processes';
  const [sysctl] = Object.keys(sysctls);
  if (sysctl === undefined) return '';
  return `sysctl ${sysctl} cannot be set on this cell: its containers are plain processes`;
};
