import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { GroupStore } from '../../common/store/contract.js';
import type { StoreEngine } from '../../common/store/engine.js';
import { openGroupStore } from '../../common/store/group-store.js';
import { commitErrorText } from '../../common/store/trouble.js';
import type { ApiFailure } from '../core/failure.js';
import { cfFailure } from '../core/failure.js';
import type { ApiRows, ApiSettings, Context, ReadTables, WriteTables } from '../core/rows.js';
import { API_SCHEMA, API_TABLES } from './schema.js';

export type Rule<T> = (tables: WriteTables, context: Context) => Result<T, ApiFailure[]>;

/** The API's own state: rules run on it one after another, each all or nothing and durable when it resolves. */
export interface State {
  /** committed rows */
  readonly tables: ReadTables;
  readonly settings: ApiSettings;
  decide<T>(rule: Rule<T>): Promise<Result<T, ApiFailure[]>>;
  /** for rules that do not refuse; rejects when the store fails */
  change<T>(rule: (tables: WriteTables, context: Context) => T): Promise<T>;
  onLost(listener: (reason: string) => void): void;
  close(): Promise<void>;
}

export interface StateOptions {
  engine: StoreEngine;
  clock: Clock;
  random: Random;
  logger: Logger;
  settings: ApiSettings;
}

/** Leaves the transaction, so that nothing of what a refusing rule did remains. */
class Refusal extends Error {
  readonly failures: ApiFailure[];

  constructor(failures: ApiFailure[]) {
    super('refused');
    this.failures = failures;
  }
}

type Store = GroupStore<ApiRows, never>;

const serve = (store: Store, options: StateOptions): State => {
  const context = (): Context => ({
    now: new Date(options.clock.now()).toISOString(),
    newGuid: () => options.random.uuid(),
    settings: options.settings,
  });

  const decide: State['decide'] = async (rule) => {
    try {
      const stored = await store.transact((tables) => {
        const outcome = rule(tables, context());
        if (!outcome.ok) throw new Refusal(outcome.error);
        return { value: outcome.value, events: [] };
      });
      return stored.ok ? stored : err([cfFailure('ServiceUnavailable', commitErrorText(stored.error))]);
    } catch (error) {
      if (error instanceof Refusal) return err(error.failures);
      throw error;
    }
  };

  return {
    tables: store.committed,
    settings: options.settings,
    decide,
    async change(rule) {
      const outcome = await decide((tables, given) => ok(rule(tables, given)));
      if (outcome.ok) return outcome.value;
      throw new Error(outcome.error[0]?.detail ?? 'the store failed');
    },
    onLost: (listener) => store.onLost(listener),
    close: () => store.close(),
  };
};

/** The one organization and the one space; the domain of apps follows the configuration. */
const seed = (tables: WriteTables, context: Context): void => {
  const { now, newGuid, settings } = context;
  if (tables.organizations.count() === 0) {
    const organization = { guid: newGuid(), name: 'default', createdAt: now };
    const space = { guid: newGuid(), name: 'default', organizationGuid: organization.guid, createdAt: now };
    tables.organizations.put(organization.guid, organization);
    tables.spaces.put(space.guid, space);
  }
  const [first] = [...tables.domains.entries()].map(([, domain]) => domain);
  const domain = first ?? { guid: newGuid(), name: settings.appsDomain, createdAt: now };
  if (domain !== first || domain.name !== settings.appsDomain) {
    tables.domains.put(domain.guid, { ...domain, name: settings.appsDomain });
  }
};

export const openState = async (options: StateOptions): Promise<State> => {
  const { engine, logger } = options;
  const store = await openGroupStore<ApiRows, never>({
    engine,
    schema: API_SCHEMA,
    specs: API_TABLES,
    logger,
  });
  const state = serve(store, options);
  await state.change(seed);
  return state;
};
