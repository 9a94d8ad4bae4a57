/** How the engine's things are named and labelled, so that a later life of the cell finds its own. */
import type { ContainerRecord } from './context.js';

export type Role = 'process' | 'files' | 'network';

export interface Names {
  /** also the beginning of the names of its containers */
  volume(guid: string): string;
  container(guid: string, processId: string): string;
  /** a container that is never started: content goes in and out through it */
  files(guid: string): string;
  /** one that has the network, which the others join */
  network(guid: string): string;
  /** of a volume that the engine is asked for to see what it can do; no guid begins with a dot */
  readonly probe: string;
  volumeLabels(record: ContainerRecord): Record<string, string>;
  labels(guid: string, role: Role, processId: string): Record<string, string>;
  /** filter for everything of this cell, or of one container of it */
  filter(guid?: string): { label: string[] };
  readRecord(labels: Record<string, string> | null): ContainerRecord | undefined;
  readLabels(labels: Record<string, string>): { guid: string; role: string; processId: string };
}

/** Label that says whose cell it is of. */
export const cellLabel = (prefix: string): string => `${prefix}.cell`;
export const guidLabel = (prefix: string): string => `${prefix}.guid`;

export const createNames = (prefix: string, cellId: string): Names => {
  const base = (guid: string): string => `${prefix}.${cellId}.${guid}`;
  const mark = (guid: string): Record<string, string> => ({
    [cellLabel(prefix)]: cellId,
    [guidLabel(prefix)]: guid,
  });
  return {
    volume: base,
    // neither cell ids nor guids have dots in them, and no process id begins with one
    container: (guid, processId) => `${base(guid)}.${processId}`,
    files: (guid) => `${base(guid)}..files`,
    network: (guid) => `${base(guid)}..network`,
    probe: base('.probe'),
    volumeLabels: (record) => ({ ...mark(record.spec.guid), [`${prefix}.record`]: JSON.stringify(record) }),
    labels: (guid, role, processId) => ({
      ...mark(guid),
      [`${prefix}.role`]: role,
      [`${prefix}.process`]: processId,
    }),
    filter: (guid) => ({
      label: [
        `${cellLabel(prefix)}=${cellId}`,
        ...(guid === undefined ? [] : [`${guidLabel(prefix)}=${guid}`]),
      ],
    }),
    readRecord(labels) {
      const text = labels?.[`${prefix}.record`];
      return text === undefined ? undefined : (JSON.parse(text) as ContainerRecord);
    },
    readLabels: (labels) => ({
      guid: labels[guidLabel(prefix)] ?? '',
      role: labels[`${prefix}.role`] ?? '',
      processId: labels[`${prefix}.process`] ?? '',
    }),
  };
};
