import type { MesosBridgeConfig } from '../config.js';
import type { Draft, FrameworkInfo } from '../protocol/messages.js';

/** What the bridge can deal with (mesos-v1.md §3). */
const CAPABILITIES = [
  'MULTI_ROLE',
  'PARTITION_AWARE',
  'RESERVATION_REFINEMENT',
  'TASK_KILLING_STATE',
] as const;

/** `id`: '' = it has none yet. Always with checkpointing: without it the restart of an agent ends all that runs there. */
export const frameworkInfo = (
  { name, role, user, hostname, webuiUrl, failoverTimeoutMs, principal }: MesosBridgeConfig['framework'],
  id: string,
): Draft<FrameworkInfo> => ({
  ...(id !== '' && { id: { value: id } }),
  name,
  user,
  roles: [role],
  checkpoint: true,
  failoverTimeout: failoverTimeoutMs / 1000,
  capabilities: CAPABILITIES.map((type) => ({ type })),
  ...(hostname !== undefined && { hostname }),
  ...(webuiUrl !== undefined && { webuiUrl }),
  ...(principal !== undefined && { principal }),
});
