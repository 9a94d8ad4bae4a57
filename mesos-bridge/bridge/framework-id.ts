import type { CoordinationApi } from '../../bbs/index.js';
import type { BbsError } from '../../common/model/bbs-error.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';

/** Where the id is kept by which Mesos knows this framework, and its tasks to be ours. */
export type IdStore = Pick<CoordinationApi, 'kvGet' | 'kvPut'>;

/** The id as it was read or written last. */
export interface KeptId {
  /** '' = none: Mesos gives one at the next subscription */
  readonly frameworkId: string;
  /** of the entry; what is written next must name it */
  readonly version: number;
}

/** `conflict`: another bridge has written since; read it again. */
export type KeepFailure =
  { readonly kind: 'conflict' } | { readonly kind: 'unavailable'; readonly error: BbsError };

export interface FrameworkIds {
  read(): Promise<Result<KeptId, BbsError>>;
  /** Compares and sets: nothing may be launched under an id that is not kept (its tasks would be nobody's). */
  keep(frameworkId: string, before: KeptId): Promise<Result<KeptId, KeepFailure>>;
}

/** `name`: of the framework; two deployments on one Mesos have one each. */
export const createFrameworkIds = (store: IdStore, name: string): FrameworkIds => {
  const key = `mesos/${name}`;
  return {
    async read() {
      const entry = await store.kvGet(key);
      return entry.ok ? ok({ frameworkId: entry.value.value, version: entry.value.version }) : entry;
    },
    async keep(frameworkId, { version }) {
      const put = await store.kvPut({ key, value: frameworkId, version });
      if (put.ok) return ok({ frameworkId, version: put.value.version });
      return err(
        put.error.type === 'ResourceConflict'
          ? { kind: 'conflict' }
          : { kind: 'unavailable', error: put.error },
      );
    },
  };
};
