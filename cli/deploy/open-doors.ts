/** Doors of an older deployment: they let in whoever has a certificate, since their files name no roles. */
import { join } from 'node:path';
import { parse } from 'yaml';
import { isMapping } from '../../common/model/read.js';
import { configsOf } from './files.js';
import type { DeploymentPlan } from './plan.js';
import { readIfThere } from './private-files.js';

export interface OpenDoor {
  /** of the configuration, from the deployment's directory */
  readonly file: string;
  /** of the door in it */
  readonly key: string;
  /** who needs to come in */
  readonly clients: readonly string[];
}

const tlsOf = (config: unknown, key: string): Record<string, unknown> | undefined => {
  const door = isMapping(config) ? config[key] : undefined;
  const tls = isMapping(door) ? door['tls'] : undefined;
  return isMapping(tls) ? tls : undefined;
};

/** What is not YAML any more is for `config check` to tell. */
const parsed = (text: string): unknown => {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
};

/** Those of `dir`'s files that name nobody, where the plan would. */
export const openDoors = async (dir: string, plan: DeploymentPlan): Promise<OpenDoor[]> => {
  const found: OpenDoor[] = [];
  for (const [file, planned] of Object.entries(configsOf({ plan }))) {
    const written = parsed((await readIfThere(join(dir, file))) ?? '');
    for (const key of Object.keys(planned)) {
      const clients = tlsOf(planned, key)?.['clients'] as readonly string[] | undefined;
      const tls = tlsOf(written, key);
      if (clients && tls && tls['clients'] === undefined) found.push({ file, key, clients });
    }
  }
  return found;
};
