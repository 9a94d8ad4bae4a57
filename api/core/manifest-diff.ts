import { appNamed } from './apps.js';
import type { ManifestApp, ManifestProcess } from '../../common/model/manifest.js';
import { processOfType, withManifest } from './processes.js';
import { isMapping } from '../../common/model/read.js';
import type { AppRow, ProcessRow, ReadTables } from './rows.js';

export interface DiffEntry {
  op: 'add' | 'replace';
  /** JSON pointer into the manifest that was sent */
  path: string;
  was?: unknown;
  value: unknown;
}

const mb = (value: number): string => `${value}M`;

/** What is compared of a process, under the manifest's own keys. */
const SHOWN: Record<string, (process: ProcessRow) => unknown> = {
  command: (row) => row.command,
  instances: (row) => row.instances,
  memory: (row) => mb(row.memoryMb),
  'disk-quota': (row) => mb(row.diskMb),
  'cpu-milli': (row) => row.cpuMilli,
  'log-rate-limit-per-second': (row) => row.logRateLimitBytesPerSecond,
  'health-check-type': (row) => row.healthCheck.type,
  'health-check-http-endpoint': (row) => row.healthCheck.endpoint,
  timeout: (row) => row.healthCheck.timeoutSeconds,
};

const changes = (path: string, was: unknown, value: unknown): DiffEntry[] => {
  if (was === value || value === undefined) return [];
  return was === null || was === undefined
    ? [{ op: 'add', path, value }]
    : [{ op: 'replace', path, was, value }];
};

const ofProcess = (process: ProcessRow, said: ManifestProcess, at: string): DiffEntry[] => {
  const after = withManifest(process, said, process.updatedAt);
  return Object.entries(SHOWN).flatMap(([key, read]) => changes(`${at}/${key}`, read(process), read(after)));
};

const ofApp = (tables: ReadTables, input: { app: AppRow; said: ManifestApp; at: string }): DiffEntry[] => {
  const { app, said, at } = input;
  const env = Object.entries(said.env ?? {}).flatMap(([name, value]) =>
    changes(`${at}/env/${name}`, app.env[name], value),
  );
  const processes = said.processes.flatMap((process) => {
    const known = processOfType(tables, app.guid, process.type);
    return known ? ofProcess(known, process, at) : [];
  });
  return [...changes(`${at}/stack`, app.stack, said.stack), ...env, ...processes];
};

/** What applying a manifest would change: of new apps all they say, of known ones what differs. */
export const manifestDiff = (
  tables: ReadTables,
  input: { spaceGuid: string; apps: readonly ManifestApp[]; raw: unknown },
): DiffEntry[] => {
  const raw =
    isMapping(input.raw) && Array.isArray(input.raw['applications']) ? input.raw['applications'] : [];
  return input.apps.flatMap((said, index) => {
    const at = `/applications/${index}`;
    const app = appNamed(tables, input.spaceGuid, said.name);
    if (app) return ofApp(tables, { app, said, at });
    const sent: unknown = raw[index];
    const entries = isMapping(sent) ? Object.entries(sent) : [];
    return entries.map(([key, value]): DiffEntry => ({ op: 'add', path: `${at}/${key}`, value }));
  });
};
