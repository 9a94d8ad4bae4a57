import { OutcryError } from '../model/errors.js';
import { err, ok } from '../model/result.js';
import type { Result } from '../model/result.js';
import type { Logger } from '../ports/logger.js';
import { applyBatch, encodeBatch, rollBack, takeBatch } from './batch.js';
import type { Batch, Decision, StoredTable, Write } from './batch.js';
import type { CommitError, Committed, GroupStore, Pending, Snapshot, TableSpec } from './contract.js';
import type { CommitOutcome, OpenedStore, RowChange, StoreEngine, StoreSchema } from './engine.js';
import type { Journal } from './journal.js';
import { createRowTable } from './row-table.js';
import { createTrouble } from './trouble.js';
import type { Trouble } from './trouble.js';

export interface GroupStoreOptions<Tables, Event = never> {
  engine: StoreEngine;
  schema: StoreSchema;
  /** one for every table of the schema but the journal's */
  specs: { [K in keyof Tables]: TableSpec<Tables[K]> };
  logger: Logger;
  journal?: Journal<Event>;
  /** runs before each batch goes to the engine; when it throws, that batch fails and nothing is stored */
  beforeCommit?: (batch: { sequence: number; changes: readonly RowChange[] }) => void | Promise<void>;
}

// Read-backs follow each other at once: an adapter that can reconnect waits inside its own read.
const READ_BACK_ATTEMPTS = 5;

type Persisted =
  /** `settle` shows what the journal has, too */
  | { kind: 'stored'; settle?: (() => void) | undefined }
  | { kind: 'failed'; message: string; error?: OutcryError | undefined }
  /** this owner may not go on */
  | { kind: 'lost'; reason: string };

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Told of a row that cannot be decoded. */
type TellDamage = (error: OutcryError) => void;

const damaged = (schema: StoreSchema, { table, key }: { table: string; key: string }, cause: unknown) =>
  new OutcryError(
    'STORE_CORRUPT',
    { path: schema.name, reason: `row ${key} of ${table}: ${messageOf(cause)}` },
    { cause },
  );

const createTables = <Tables, Event>(
  { schema, specs, journal }: GroupStoreOptions<Tables, Event>,
  tellDamage: TellDamage,
): StoredTable[] => {
  const all = specs as unknown as Record<string, TableSpec<unknown>>;
  const named = [...Object.keys(all), ...(journal ? [journal.table] : [])].sort();
  if (named.join() !== [...schema.tables].sort().join())
    throw new Error(`schema ${schema.name}: specs and tables differ`);
  return Object.entries(all).map(([name, spec]) => {
    const onDamage = (key: string, cause: unknown): Error => {
      const error = damaged(schema, { table: name, key }, cause);
      tellDamage(error);
      return error;
    };
    return { name, spec, rows: createRowTable(name, spec, onDamage) };
  });
};

/** What takes the rows of each table as they are found. */
const loadersOf = <Tables, Event>(
  { schema, journal }: GroupStoreOptions<Tables, Event>,
  tables: readonly StoredTable[],
): Map<string, (key: string, value: string) => void> => {
  const loaders = new Map(tables.map(({ name, rows }) => [name, rows.load]));
  if (journal) {
    const { table, load } = journal;
    loaders.set(table, (key, value) => {
      try {
        load(key, value);
      } catch (cause) {
        throw damaged(schema, { table, key }, cause);
      }
    });
  }
  return loaders;
};

const loadRows = async <Tables, Event>(
  opened: OpenedStore,
  options: GroupStoreOptions<Tables, Event>,
  tables: readonly StoredTable[],
): Promise<void> => {
  const loaders = loadersOf(options, tables);
  for await (const page of opened.rows()) {
    for (const { table, key, value } of page) {
      const load = loaders.get(table);
      if (!load) throw new Error(`schema ${options.schema.name}: row of unknown table ${table}`);
      load(key, value);
    }
  }
};

type PersisterOptions<Event> = Pick<GroupStoreOptions<unknown, Event>, 'logger' | 'beforeCommit' | 'journal'>;

/** Makes batches durable one at a time and settles what an unclear answer means. */
const createPersister = <Event>(opened: OpenedStore, options: PersisterOptions<Event>): Persist<Event> => {
  const { logger, beforeCommit, journal } = options;
  let stored = opened.sequence;

  const commit = async (sequence: number, changes: RowChange[]): Promise<CommitOutcome> => {
    try {
      return await opened.commit({ sequence, changes });
    } catch (error) {
      return { ok: false, reason: 'unknown', message: messageOf(error) };
    }
  };

  const readBack = async (sequence: number): Promise<Persisted> => {
    let last = '';
    for (let attempt = 1; attempt <= READ_BACK_ATTEMPTS; attempt += 1) {
      try {
        const found = await opened.readSequence();
        if (found === sequence) return { kind: 'stored' };
        if (found === sequence - 1) return { kind: 'failed', message: 'the commit did not take place' };
        return { kind: 'lost', reason: `sequence ${found} found where ${sequence} was committed` };
      } catch (error) {
        last = messageOf(error);
      }
    }
    return { kind: 'lost', reason: `the outcome of a commit is unknown: ${last}` };
  };

  const interpret = async (outcome: CommitOutcome, sequence: number): Promise<Persisted> => {
    if (outcome.ok) return { kind: 'stored' };
    if (outcome.reason === 'failed')
      return { kind: 'failed', message: outcome.message, error: outcome.error };
    if (outcome.reason === 'fenced') return { kind: 'lost', reason: outcome.message };
    logger.warn('commit-outcome-unknown', { sequence, reason: outcome.message });
    return readBack(sequence);
  };

  return async (batch) => {
    if (batch.writes.size === 0) return { kind: 'stored' };
    const sequence = stored + 1;
    try {
      const entry = journal?.write(batch.decisions.flatMap((decision) => decision.events));
      const changes = [...encodeBatch(batch), ...(entry?.changes ?? [])];
      if (beforeCommit) await beforeCommit({ sequence, changes });
      const persisted = await interpret(await commit(sequence, changes), sequence);
      if (persisted.kind === 'stored') {
        stored = sequence;
        return { ...persisted, settle: entry?.stored };
      }
      return persisted;
    } catch (error) {
      return { kind: 'failed', message: messageOf(error) };
    }
  };
};

/** Runs decisions on the pending side of the tables and takes back what a throwing one did. */
const createDecider = <Tables>(tables: readonly StoredTable[]) => {
  let undo: Write[] | undefined;
  const pending = Object.fromEntries(
    tables.map((table) => [
      table.name,
      table.rows.pending((key, row) => {
        if (!undo) throw new Error(`table ${table.name} is written outside a transaction`);
        undo.push({ table, key, row });
      }),
    ]),
  ) as Pending<Tables>;

  return <D>(decide: (tables: Pending<Tables>) => D): { decided: D; writes: Write[] } => {
    if (undo) throw new Error('a transaction within a transaction');
    const before: Write[] = (undo = []);
    try {
      const decided = decide(pending);
      const writes = before.map(({ table, key }) => ({ table, key, row: table.rows.latest(key) }));
      return { decided, writes };
    } catch (error) {
      for (const { table, key, row } of before.reverse()) table.rows.setPending(key, row);
      throw error;
    } finally {
      undo = undefined;
    }
  };
};

const createListeners = <Event>(logger: Logger) => {
  const commitListeners: ((events: readonly Event[]) => void)[] = [];
  const lostListeners: ((reason: string) => void)[] = [];
  const tell = <T>(listeners: readonly ((value: T) => void)[], value: T): void => {
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        logger.error('listener-failed', { error });
      }
    }
  };
  return {
    commitListeners,
    lostListeners,
    tellCommit: (events: readonly Event[]) => tell(commitListeners, events),
    tellLost: (reason: string) => tell(lostListeners, reason),
  };
};

/** Takes the store over, loads it, and serves it as contract.ts says. Rejects with OutcryError where a person can help. */
export const openGroupStore = async <Tables, Event>(
  options: GroupStoreOptions<Tables, Event>,
): Promise<GroupStore<Tables, Event>> => {
  const { engine, schema } = options;
  let tellDamage: TellDamage = () => undefined;
  const tables = createTables(options, (error) => tellDamage(error));
  const opened = await engine.open(schema);
  try {
    await loadRows(opened, options, tables);
  } catch (error) {
    await opened.close();
    throw error;
  }
  const { store, stepDown } = serve<Tables, Event>(opened, tables, options);
  tellDamage = ({ message }) => stepDown(message);
  return store;
};

type Persist<Event> = (batch: Batch<Event>) => Promise<Persisted>;

interface Driver<Event> {
  enqueue(decision: Decision<Event>): void;
  /** resolves when everything decided so far is settled */
  idle(): Promise<void>;
}

interface DriverOptions<Event> {
  persist: Persist<Event>;
  trouble: Trouble;
  tellCommit(events: readonly Event[]): void;
  stepDown(reason: string): void;
}

/** One batch at a time goes to the engine; what is decided meanwhile is the next one. */
const createDriver = <Event>(options: DriverOptions<Event>): Driver<Event> => {
  const { persist, trouble, tellCommit, stepDown } = options;
  const gathered: Decision<Event>[] = [];
  let inFlight: Batch<Event> | undefined;
  let driving: Promise<void> | undefined;

  const succeed = (batch: Batch<Event>): void => {
    applyBatch(batch);
    const events = batch.decisions.flatMap((decision) => decision.events);
    if (events.length > 0 || batch.writes.size > 0) tellCommit(events);
    for (const decision of batch.decisions) decision.settle();
  };

  const fail = (batch: Batch<Event>, error: CommitError): void => {
    const decisions = [...batch.decisions, ...gathered.splice(0)];
    rollBack(decisions);
    for (const decision of decisions) decision.settle(error);
  };

  const settle = (batch: Batch<Event>, persisted: Persisted): void => {
    if (persisted.kind === 'stored') {
      if (batch.writes.size > 0) trouble.ended();
      // together with the rows: whoever looks now sees both
      persisted.settle?.();
      return succeed(batch);
    }
    if (persisted.kind === 'failed') {
      const { message, error } = persisted;
      trouble.failed(persisted, batch.decisions.length);
      return fail(batch, { code: 'STORE_FAILED', message, ...(error && { error }) });
    }
    fail(batch, { code: 'STORE_CLOSED', message: persisted.reason });
    stepDown(persisted.reason);
  };

  const drive = async (): Promise<void> => {
    while (gathered.length > 0) {
      const batch = (inFlight = takeBatch(gathered));
      const persisted = await persist(batch);
      inFlight = undefined;
      settle(batch, persisted);
    }
    driving = undefined;
  };

  return {
    enqueue(decision) {
      // What only read waits for what it has read, and shares no later fate.
      const readOnly = decision.writes.length === 0;
      if (readOnly && inFlight && gathered.length === 0) inFlight.decisions.push(decision);
      else gathered.push(decision);
      // A microtask later, so that callers of the same turn share a commit.
      driving ??= Promise.resolve().then(drive);
    },
    idle: async () => driving,
  };
};

const takeSnapshot = (tables: readonly StoredTable[], journal: Journal<never> | undefined): Snapshot => {
  const taken = tables.map(({ name, rows }) => ({ table: name, rows: rows.snapshot() }));
  if (journal) taken.push({ table: journal.table, rows: journal.snapshot() });
  return {
    counts: Object.fromEntries(taken.map(({ table, rows }) => [table, rows.length])),
    *rows() {
      for (const { table, rows } of taken) {
        for (const { key, text } of rows) yield { table, key, value: text() };
      }
    },
  };
};

const serve = <Tables, Event>(
  opened: OpenedStore,
  tables: readonly StoredTable[],
  options: GroupStoreOptions<Tables, Event>,
): { store: GroupStore<Tables, Event>; stepDown(reason: string): void } => {
  const logger = options.logger.session('store', { schema: options.schema.name, epoch: opened.epoch });
  const decideOnPending = createDecider<Tables>(tables);
  const listeners = createListeners<Event>(logger);
  const committed = Object.fromEntries(tables.map((table) => [table.name, table.rows.committed]));
  /** why nothing more is accepted */
  let refusal: string | undefined;
  let lost: string | undefined;
  let closing: Promise<void> | undefined;

  const stepDown = (reason: string): void => {
    if (lost !== undefined) return;
    logger.error('store-lost', { reason });
    lost = reason;
    refusal = reason;
    listeners.tellLost(reason);
  };

  const trouble = createTrouble(logger);
  const driver = createDriver<Event>({
    persist: createPersister(opened, { ...options, logger }),
    trouble,
    tellCommit: listeners.tellCommit,
    stepDown,
  });

  const shutDown = async (): Promise<void> => {
    refusal ??= 'the store is closed';
    await driver.idle();
    await opened.close();
  };

  const store: GroupStore<Tables, Event> = {
    committed: committed as Committed<Tables>,
    epoch: opened.epoch,
    async transact<R>(decide: (tables: Pending<Tables>) => { value: R; events: readonly Event[] }) {
      if (refusal !== undefined) return err<CommitError>({ code: 'STORE_CLOSED', message: refusal });
      const { decided, writes } = decideOnPending(decide);
      return new Promise<Result<R, CommitError>>((resolve) => {
        const settle = (error?: CommitError): void => resolve(error ? err(error) : ok(decided.value));
        driver.enqueue({ writes, events: decided.events, settle });
      });
    },
    trouble: trouble.reason,
    snapshot: () => takeSnapshot(tables, options.journal),
    onCommit: (listener) => void listeners.commitListeners.push(listener),
    onLost(listener) {
      listeners.lostListeners.push(listener);
      if (lost !== undefined) listener(lost);
    },
    close: () => (closing ??= shutDown()),
  };
  return { store, stepDown };
};
