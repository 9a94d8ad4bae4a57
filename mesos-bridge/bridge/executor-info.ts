import { createHash } from 'node:crypto';
import type { ExecutorConfig, MesosBridgeConfig } from '../config.js';
import { executorIdOf, parseExecutorId } from '../core/executor-id.js';
import type { ResourceFields, Resources } from '../core/resources.js';
import { readResources, writeResources } from '../core/resources.js';
import { executorInfo } from '../executor/executor-info.js';
import type { Draft, ExecutorInfo } from '../protocol/messages.js';

/** What an executor is told so that it finds the bridge: none of it is worth anything once it has enrolled. */
export interface EnrolmentDoor {
  readonly url: string;
  /** PEM of the authority of its certificate; undefined: one that the agents' machines trust */
  readonly ca: string | undefined;
  /** one for each executor, the same after a restart of the bridge */
  tokenOf(executorId: string): string;
}

export interface ExecutorTemplateOptions {
  readonly framework: Pick<MesosBridgeConfig['framework'], 'name' | 'role'>;
  readonly executor: ExecutorConfig;
  readonly door: EnrolmentDoor;
}

/** Makes the ExecutorInfo of any executor of this configuration, always the same for the same id (mesos-v1.md §12). */
export interface ExecutorTemplate {
  /** a fresh one; `life`: a token that none has had */
  newId(life: string): string;
  /** whether that executor was started with this configuration: it takes more tasks only under the very same info */
  isOwn(executorId: string): boolean;
  /** its own, as thousandths by name: what an agent must have besides the first task */
  readonly needs: Readonly<Record<string, number>>;
  /** as its info has them */
  readonly resources: Resources;
  info(
    executorId: string,
    of: { readonly resources: Resources; readonly frameworkId: string },
  ): Draft<ExecutorInfo>;
}

const VERSION_LENGTH = 12;

/** What ExecutorInfo is made of, besides the executor's id and token. */
const versionOf = ({ framework, executor, door }: ExecutorTemplateOptions): string => {
  const { idleMs: _idle, warm: _warm, ...started } = executor;
  const parts = JSON.stringify([framework.name, framework.role, started, door.url, door.ca ?? '']);
  return createHash('sha256').update(parts).digest('hex').slice(0, VERSION_LENGTH);
};

const scalar = (name: string, value: number, role: string): ResourceFields => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  reservations: [],
  allocationInfo: { role },
});

export const createExecutorTemplate = (options: ExecutorTemplateOptions): ExecutorTemplate => {
  const { framework, executor, door } = options;
  const version = versionOf(options);
  const needs = {
    cpus: executor.cpuMilli,
    mem: executor.memoryMb * 1000,
    disk: executor.diskMb * 1000,
  };
  const fields = Object.entries(needs).map(([name, milli]) => scalar(name, milli / 1000, framework.role));
  return {
    newId: (life) => executorIdOf({ version, life }),
    isOwn: (executorId) => parseExecutorId(executorId)?.version === version,
    needs,
    resources: readResources(fields).resources,
    info: (executorId, { resources, frameworkId }) =>
      executorInfo({
        executorId,
        frameworkId,
        name: framework.name,
        command: { ...executor.start, environment: executor.environment },
        enrolment: { url: door.url, token: door.tokenOf(executorId), ca: door.ca },
        resources: writeResources(resources),
        shutdownGraceMs: executor.shutdownGraceMs,
      }),
  };
};
