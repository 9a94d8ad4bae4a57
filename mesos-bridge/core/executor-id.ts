import { isToken } from '../../common/model/ids.js';

const EXECUTOR = /^outcry\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

export interface ExecutorIdentity {
  /** hash of all that its ExecutorInfo is made of: another configuration is another executor */
  readonly version: string;
  /** fresh per life */
  readonly life: string;
}

/**
 * The id of an executor, fresh for each: Mesos compares the whole ExecutorInfo of a running id with that of the next
 * launch, and refuses another one (mesos-v1.md §12). Both parts are tokens.
 */
export const executorIdOf = ({ version, life }: ExecutorIdentity): string => {
  if (!isToken(version) || !isToken(life)) throw new RangeError('parts of an executor id must be tokens');
  return `outcry.${version}.${life}`;
};

/** undefined for an executor that no bridge has started. */
export const parseExecutorId = (id: string): ExecutorIdentity | undefined => {
  const [, version, life] = EXECUTOR.exec(id) ?? [];
  return version === undefined || life === undefined ? undefined : { version, life };
};
