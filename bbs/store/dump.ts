import { OutcryError } from '../../common/model/errors.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import type { Row } from '../../common/store/engine.js';
import { migrationFrom } from '../../common/store/migration.js';
import { decodeRow, encodeRow } from '../../common/store/row-text.js';
import type { TableSpec } from '../../common/store/contract.js';
import { actualLrpRowKey } from '../core/rows.js';
import { decodeHistory, HISTORY_TABLE, readHistoryKey } from './history.js';
import { BBS_SCHEMA, BBS_SPECS } from './schema.js';
import type { BbsTables } from './schema.js';

/**
 * A board as text: a header, a row a line, and a trailer, without which a file that was cut off would look whole. Rows are
 * as they are stored, at the version that the header names.
 */
export interface DumpHeader {
  format: 1;
  /** of the schema */
  version: number;
  epoch: number;
  /** when it was true, RFC 3339 */
  at: string;
  counts: Record<string, number>;
}

const KIND = 'outcry bbs dump';

export const headerLine = ({ format, version, epoch, at, counts }: DumpHeader): string =>
  JSON.stringify({ kind: KIND, format, version, epoch, at, counts });

/** `value` is JSON already. */
export const rowLine = ({ table, key, value }: Row): string =>
  `{"table":${JSON.stringify(table)},"key":${JSON.stringify(key)},"row":${value}}`;

export const trailerLine = (rows: number): string => JSON.stringify({ end: KIND, rows });

/** How many rows a dump has that ends with these lines; undefined when it does not end there. */
export const rowsByTrailer = (lines: string): number | undefined => {
  const text = lines.trimEnd().split('\n').at(-1) ?? '';
  return isTrailer(text) ? (JSON.parse(text) as { rows: number }).rows : undefined;
};

const isTrailer = (text: string): boolean => text.startsWith('{"end":');

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((all, one) => all + one, 0);

/** All lines of a dump, by chunks that end with a line each. */
export const dumpLines = function* (header: DumpHeader, rows: Iterable<Row>): Generator<string> {
  let chunk = [headerLine(header)];
  let chars = 0;
  for (const row of rows) {
    const line = rowLine(row);
    chunk.push(line);
    chars += line.length;
    if (chars < CHUNK_CHARS) continue;
    yield `${chunk.join('\n')}\n`;
    chunk = [];
    chars = 0;
  }
  yield `${[...chunk, trailerLine(sum(header.counts))].join('\n')}\n`;
};

const CHUNK_CHARS = 64 * 1024;

type Loose = Record<string, unknown>;

const isLoose = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const parsed = (line: string): Result<Loose, string> => {
  try {
    const value: unknown = JSON.parse(line);
    return isLoose(value) ? ok(value) : err('is no JSON object');
  } catch (cause) {
    return err(`is not JSON: ${(cause as Error).message}`);
  }
};

const readHeader = (line: string): Result<DumpHeader, string> => {
  const json = parsed(line);
  if (!json.ok) return json;
  const { kind, format, version, epoch, at, counts } = json.value;
  if (kind !== KIND) return err(`does not begin a dump of a bulletin board: its "kind" is not "${KIND}"`);
  if (format !== 1) return err(`is of format ${JSON.stringify(format)}, and this version knows 1`);
  const isWhole =
    isCount(version) && version > 0 && isCount(epoch) && typeof at === 'string' && isLoose(counts);
  if (!isWhole || !Object.values(counts).every(isCount)) return err('is no whole header');
  return ok({ format, version, epoch, at, counts: counts as Record<string, number> });
};

/** Where each row lies, by what it says itself; undefined where it says nothing that a row of that table has to. */
const KEYS: { [T in keyof BbsTables]: (row: BbsTables[T]) => string | undefined } = {
  desired_lrps: ({ processGuid }) => processGuid,
  actual_lrps: (row) => (Number.isInteger(row.index) && row.presence ? actualLrpRowKey(row) : undefined),
  tasks: ({ taskGuid }) => taskGuid,
  domains: ({ name }) => name,
  leases: ({ name }) => name,
  kv: ({ key }) => key,
};

const SPECS = BBS_SPECS as unknown as Record<string, TableSpec<unknown>>;

/** The row as it is stored now; a reason when it cannot be one. */
const checked = ({ table, key, value }: Row): Result<Row, string> => {
  if (table === HISTORY_TABLE) {
    const { count } = readHistoryKey(key);
    if (decodeHistory(value).length !== count)
      return err(`"row" has not the ${count} entries that its key says`);
    return ok({ table, key, value });
  }
  const spec = SPECS[table];
  if (!spec) return err(`there is no table ${table}`);
  const row = decodeRow(spec, value);
  const own = isLoose(row) ? KEYS[table as keyof BbsTables](row as never) : undefined;
  if (own !== key) return err(`"row" is not that of ${key}`);
  return ok({ table, key, value: encodeRow(spec, row) });
};

const rowIn = (line: string): Result<Row, string> => {
  const json = parsed(line);
  if (!json.ok) return json;
  const { table, key, row, ...rest } = json.value;
  const [unknown] = Object.keys(rest);
  if (typeof table !== 'string') return err('"table" is missing');
  if (typeof key !== 'string') return err('"key" is missing');
  if (row === undefined) return err('"row" is missing');
  if (unknown !== undefined) return err(`"${unknown}" is not known`);
  return ok({ table, key, value: JSON.stringify(row) });
};

export interface ReadDump {
  readonly header: DumpHeader;
  /** as they are stored by this version */
  rows(): AsyncGenerator<Row>;
}

interface Line {
  text: string;
  number: number;
}

const createReader = (path: string, header: DumpHeader) => {
  const migrate = migrationFrom(BBS_SCHEMA, header.version);
  const seen = new Set<string>();
  const counts: Record<string, number> = {};

  const fail = (line: number, problem: string): never => {
    throw new OutcryError('DUMP_INVALID', { path, line, problem });
  };

  const count = ({ table, key }: Row): Result<void, string> => {
    const place = `${table} ${key}`;
    if (seen.has(place)) return err(`${table} has ${key} twice`);
    seen.add(place);
    counts[table] = (counts[table] ?? 0) + 1;
    return ok(undefined);
  };

  /** undefined: this version has no use for it */
  const now = (row: Row): Result<Row | undefined, string> => {
    try {
      const migrated = migrate(row);
      return migrated ? checked(migrated) : ok(undefined);
    } catch (error) {
      return err(`"row" cannot be read: ${(error as Error).message}`);
    }
  };

  return {
    fail,
    row({ text, number }: Line): Row | undefined {
      const read = rowIn(text);
      if (!read.ok) return fail(number, read.error);
      const counted = count(read.value);
      if (!counted.ok) return fail(number, counted.error);
      const row = now(read.value);
      return row.ok ? row.value : fail(number, row.error);
    },
    end({ text, number }: Line): void {
      const found = sum(counts);
      const trailer = parsed(text);
      if (!trailer.ok) return fail(number, trailer.error);
      const { rows } = trailer.value;
      if (rows !== found) fail(number, `${found} rows come before it, and it says ${JSON.stringify(rows)}`);
      for (const [table, told] of Object.entries(header.counts)) {
        const have = counts[table] ?? 0;
        if (have !== told) fail(1, `says that there are ${told} rows of ${table}, and there are ${have}`);
      }
    },
  };
};

const rowsOf = async function* (
  { fail, row, end }: ReturnType<typeof createReader>,
  lines: AsyncIterator<string>,
): AsyncGenerator<Row> {
  let number = 1;
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    const line = { text: next.value, number: (number += 1) };
    if (isTrailer(line.text)) {
      end(line);
      if (!(await lines.next()).done) fail(number + 1, 'comes after the end');
      return;
    }
    const found = row(line);
    if (found) yield found;
  }
  fail(number, 'is the last, and the end is missing: the file has been cut off');
};

/** DUMP_INVALID, with the line, for what is wrong in it; STORE_NEWER for one of a later version. */
export const readDump = async (path: string, from: AsyncIterable<string>): Promise<ReadDump> => {
  const lines = from[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) throw new OutcryError('DUMP_INVALID', { path, line: 1, problem: 'the file is empty' });
  const header = readHeader(first.value);
  if (!header.ok) throw new OutcryError('DUMP_INVALID', { path, line: 1, problem: header.error });
  const { version } = header.value;
  if (version > BBS_SCHEMA.version)
    throw new OutcryError('STORE_NEWER', { path, found: version, known: BBS_SCHEMA.version });
  return { header: header.value, rows: () => rowsOf(createReader(path, header.value), lines) };
};
