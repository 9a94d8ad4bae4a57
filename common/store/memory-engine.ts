import { OutcryError } from '../model/errors.js';
import type { CommitOutcome, OpenedStore, Row, RowChange, StoreEngine, StoreSchema } from './engine.js';
import { migrationFrom } from './migration.js';

/** Switches by which a test makes the store misbehave. Each applies to commits that start afterwards. */
export interface StoreFaults {
  /** the next `count` commits fail; nothing of them is stored */
  failCommits(count: number, message?: string): void;
  /** the next commit answers 'unknown', having been stored or not */
  unknownCommit(stored: boolean): void;
  /** the next `count` reads of the sequence reject */
  failReads(count: number): void;
  /** another owner takes over `schema`: its epoch rises behind the back of the present one */
  fence(schema: string): void;
  /** commits wait until the returned function is called */
  hold(): () => void;
}

export interface MemoryEngine extends StoreEngine {
  readonly faults: StoreFaults;
  /** commits that reached the engine, failed ones included */
  commits(): number;
}

interface File {
  version: number;
  epoch: number;
  sequence: number;
  readonly tables: Map<string, Map<string, string>>;
}

type Fault = { kind: 'failed'; message: string } | { kind: 'unknown'; stored: boolean };

interface Faults {
  readonly queue: Fault[];
  reads: number;
  held: Promise<void> | undefined;
  commits: number;
}

const rowsOf = function* (file: File): Generator<Row> {
  for (const [table, rows] of file.tables) {
    for (const [key, value] of rows) yield { table, key, value };
  }
};

const apply = (file: File, changes: readonly RowChange[]): void => {
  const unknown = changes.find(({ table }) => !file.tables.has(table));
  if (unknown) throw new Error(`no table ${unknown.table}`);
  for (const { table, key, value } of changes) {
    if (value === null) file.tables.get(table)?.delete(key);
    else file.tables.get(table)?.set(key, value);
  }
};

const takeOver = (found: File | undefined, schema: StoreSchema): File => {
  if (found && found.version > schema.version) {
    throw new OutcryError('STORE_NEWER', { path: schema.name, found: found.version, known: schema.version });
  }
  const from = found?.version ?? schema.version;
  const tables = new Map(schema.tables.map((table) => [table, new Map<string, string>()]));
  const file: File = {
    version: schema.version,
    epoch: (found?.epoch ?? 0) + 1,
    sequence: found?.sequence ?? 0,
    tables,
  };
  const migrate = migrationFrom(schema, from);
  const rows = [...(found ? rowsOf(found) : [])].map(migrate).filter((row) => row !== null);
  apply(file, rows);
  return file;
};

const openedStore = (files: Map<string, File>, name: string, faults: Faults): OpenedStore => {
  const { epoch, sequence } = current(files, name);
  let closed = false;

  const commitNow = (batch: { sequence: number; changes: readonly RowChange[] }): CommitOutcome => {
    const file = current(files, name);
    if (closed) return { ok: false, reason: 'failed', message: 'closed' };
    if (file.epoch !== epoch)
      return { ok: false, reason: 'fenced', message: `epoch ${file.epoch} took over` };
    const fault = faults.queue.shift();
    if (fault?.kind === 'failed') return { ok: false, reason: 'failed', message: fault.message };
    if (batch.sequence !== file.sequence + 1) {
      return {
        ok: false,
        reason: 'failed',
        message: `sequence ${batch.sequence} does not follow ${file.sequence}`,
      };
    }
    if (fault?.stored !== false) {
      apply(file, batch.changes);
      file.sequence = batch.sequence;
    }
    return fault ? { ok: false, reason: 'unknown', message: 'connection lost' } : { ok: true };
  };

  return {
    epoch,
    sequence,
    async *rows() {
      yield [...rowsOf(current(files, name))];
    },
    async commit(batch) {
      faults.commits += 1;
      await faults.held;
      return commitNow(batch);
    },
    async readSequence() {
      if (faults.reads > 0) {
        faults.reads -= 1;
        throw new Error('connection lost');
      }
      return current(files, name).sequence;
    },
    async close() {
      closed = true;
    },
  };
};

const current = (files: Map<string, File>, name: string): File => {
  const file = files.get(name);
  if (!file) throw new Error(`no store ${name}`);
  return file;
};

/** A store that forgets at the end of the process, but keeps its rows between opens. For tests. */
export const createMemoryEngine = (): MemoryEngine => {
  const files = new Map<string, File>();
  const faults: Faults = { queue: [], reads: 0, held: undefined, commits: 0 };
  return {
    async open(schema) {
      files.set(schema.name, takeOver(files.get(schema.name), schema));
      return openedStore(files, schema.name, faults);
    },
    commits: () => faults.commits,
    faults: {
      failCommits(count, message = 'told to fail') {
        faults.queue.push(...Array.from({ length: count }, () => ({ kind: 'failed' as const, message })));
      },
      unknownCommit: (stored) => void faults.queue.push({ kind: 'unknown', stored }),
      failReads(count) {
        faults.reads = count;
      },
      fence(schema) {
        current(files, schema).epoch += 1;
      },
      hold() {
        let release = (): void => undefined;
        faults.held = new Promise((resolve) => {
          release = () => {
            faults.held = undefined;
            resolve();
          };
        });
        return release;
      },
    },
  };
};
