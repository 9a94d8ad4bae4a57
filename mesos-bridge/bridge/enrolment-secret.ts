import type { Random } from '../../common/ports/random.js';
import type { IdStore } from './framework-id.js';
import type { Patience } from './patience.js';
import { untilAnswered } from './patience.js';

const SECRET_BYTES = 32;

export interface SecretOptions extends Patience {
  readonly store: IdStore;
  readonly random: Random;
  /** of the framework */
  readonly name: string;
}

/** The secret that enrolment tokens are made of: the same for every bridge of a framework, after every restart. Undefined: it is over. */
export const loadEnrolmentSecret = (options: SecretOptions): Promise<string | undefined> => {
  const { store, random, name } = options;
  const key = `mesos/${name}/enrolment`;
  return untilAnswered(options, async () => {
    const entry = await store.kvGet(key);
    if (!entry.ok) return undefined;
    if (entry.value.version > 0) return entry.value.value;
    const value = random.secret(SECRET_BYTES);
    const put = await store.kvPut({ key, value, version: 0 });
    // another one was faster, or nobody answered: what is there then counts
    return put.ok ? value : undefined;
  });
};
