/**
 * The parts of a board that are decided on independently of each other, as a checker of histories sees them: which calls
 * there are of each, and what the board's own rules (bbs/core) answer to them on given rows. Times and the ids of rows
 * are left out of every comparison.
 */
import type { BbsClient } from '../../bbs/index.js';
import { claim, crash, fail, remove, retire, start } from '../../bbs/core/actual-lrps.js';
import { convergeProcess } from '../../bbs/core/convergence.js';
import { decided, refused } from '../../bbs/core/decision.js';
import type { Change, Context, Decided, KvRow, LeaseRow } from '../../bbs/core/decision.js';
import { desire, removeDesired, update } from '../../bbs/core/desired-lrps.js';
import type { Process } from '../../bbs/core/desired-lrps.js';
import { upsertDomain } from '../../bbs/core/domains.js';
import { putKv } from '../../bbs/core/kv.js';
import { acquireLease, releaseLease, renewLease } from '../../bbs/core/leases.js';
import { actualLrpRowKey, givenUp } from '../../bbs/core/rows.js';
import type { Slot } from '../../bbs/core/rows.js';
import {
  cancelTask,
  completeTask,
  deleteTask,
  desireTask,
  rejectTask,
  resolvingTask,
  startTask,
} from '../../bbs/core/tasks.js';
import type { BbsTables, CommittedTables } from '../../bbs/store/schema.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Random } from '../../common/ports/random.js';
import { toJson } from '../../common/wire/codec.js';
import { desiredLrp, startOf, taskDefinition } from './bbs.js';
import type { Model } from './linearizability.js';

type Table = keyof BbsTables;
type Row = BbsTables[Table];

/** The rows that belong to one key, by table and key. */
export type Part = ReadonlyMap<string, Row>;

/** One call with all that it is given. */
export interface Call {
  /** for reports */
  readonly says: string;
  ask(bbs: BbsClient): Promise<BbsResult<unknown>>;
  /** by the rules, on these rows; several where it depends on what nobody sees */
  decide(part: Part): readonly Decided<unknown>[];
  /** an answer's value, as it is compared */
  print(value: never): unknown;
}

/** What a caller was told, in a form to compare. */
export type Answer = string;

export interface Kind {
  readonly name: string;
  /** table of the rows, and whether one of them belongs to that key */
  owns(table: Table, row: Row, key: string): boolean;
  draw(key: string, random: Random): Call;
  /** a call that only looks */
  look(key: string, random: Random): Call;
  /** what the board may do by itself, one step at a time */
  spontaneous(part: Part): readonly Part[];
}

const CONTEXT: Context = { now: 1, steadyNow: 1, newGuid: () => 'made', traceId: '' };

// Times and chance differ between the board and the rules as they are asked here.
const UNSEEN: readonly string[] = ['since', 'created_at', 'updated_at', 'first_completed_at'];

const withoutUnseen = (json: object): string =>
  JSON.stringify(json, (name, value: unknown) => {
    if (UNSEEN.includes(name)) return undefined;
    return name === 'modification_tag' ? (value as { index?: number }).index : value;
  });

const printLrp = (row: ActualLrp): string => withoutUnseen(toJson('ActualLRP', row) as object);
const printDesired = (row: DesiredLrp): string => withoutUnseen(toJson('DesiredLRP', row) as object);
const printTask = (row: Task): string => withoutUnseen(toJson('Task', row) as object);
const printLease = ({ name, owner, value, ttlMs, epoch }: LeaseRow): string =>
  JSON.stringify([name, owner, value, ttlMs, epoch]);
const printKv = ({ key, value, version }: KvRow): string => JSON.stringify([key, value, version]);

const PRINT: { [T in Table]: (row: BbsTables[T]) => string } = {
  desired_lrps: printDesired,
  actual_lrps: printLrp,
  tasks: printTask,
  domains: ({ name, ttlSeconds }) => JSON.stringify([name, ttlSeconds]),
  leases: printLease,
  kv: printKv,
};

/** Rows are immutable: each is printed once. */
const printed = new WeakMap<Row, string>();

const printRow = (table: Table, row: Row): string => {
  const text = printed.get(row) ?? (PRINT[table] as (row: Row) => string)(row);
  printed.set(row, text);
  return text;
};

const tableOf = (place: string): Table => place.slice(0, place.indexOf(' ')) as Table;

export const fingerprint = (part: Part): string =>
  [...part]
    .map(([place, row]) => `${place} ${printRow(tableOf(place), row)}`)
    .sort()
    .join('\n');

const keyIn = (change: Change, row: Row): string => {
  if (change.table === 'actual_lrps') return actualLrpRowKey(row as ActualLrp);
  const named = row as { processGuid?: string; taskGuid?: string; name?: string; key?: string };
  return named.processGuid ?? named.taskGuid ?? named.name ?? named.key ?? '';
};

const applied = (part: Part, changes: readonly Change[]): Part => {
  if (changes.length === 0) return part;
  const after = new Map(part);
  for (const change of changes) {
    if ('put' in change) after.set(`${change.table} ${keyIn(change, change.put)}`, change.put);
    else after.delete(`${change.table} ${keyIn(change, change.remove)}`);
  }
  return after;
};

const answered = (call: Call, result: BbsResult<unknown>): Answer =>
  result.ok ? JSON.stringify(call.print(result.value as never) ?? 'done') : result.error.type;

/** undefined: nobody knows what became of it. */
export const answerOf = (call: Call, result: BbsResult<unknown>): Answer | undefined =>
  !result.ok && result.error.unavailable ? undefined : answered(call, result);

/** Every state in which what the board does by itself may have left a part. */
const settling = (kind: Kind, part: Part): Part[] => {
  const found = new Map([[fingerprint(part), part]]);
  const open = [part];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const next of kind.spontaneous(at)) {
      const key = fingerprint(next);
      if (found.has(key)) continue;
      found.set(key, next);
      open.push(next);
    }
  }
  return [...found.values()];
};

export const modelOf = (kind: Kind): Model<Part, Call, Answer> => ({
  fingerprint,
  step: (part, call, output) =>
    settling(kind, part).flatMap((from) =>
      call.decide(from).flatMap((outcome) => {
        const told = outcome.ok ? { ok: true as const, value: outcome.value.value } : outcome;
        if (output !== undefined && output !== answered(call, told)) return [];
        return [outcome.ok ? applied(from, outcome.value.changes) : from];
      }),
    ),
});

/** Whether the board may by itself have gone from one of these to that. */
export const leadsTo = (kind: Kind, from: readonly Part[], to: Part): boolean => {
  const wanted = fingerprint(to);
  return from.some((part) => settling(kind, part).some((one) => fingerprint(one) === wanted));
};

const TABLES: readonly Table[] = ['desired_lrps', 'actual_lrps', 'tasks', 'domains', 'leases', 'kv'];

/** Gives every row to the key that it belongs to. What belongs to none is told. */
export const partsIn = (
  tables: CommittedTables,
  keys: readonly { kind: Kind; key: string }[],
): { parts: Map<string, Part>; strays: string[] } => {
  const parts = new Map(keys.map(({ key }) => [key, new Map<string, Row>()]));
  const strays: string[] = [];
  for (const table of TABLES) {
    for (const [key, row] of tables[table].entries() as Iterable<[string, Row]>) {
      const owner = keys.find((one) => one.kind.owns(table, row, one.key));
      if (owner === undefined) strays.push(`${table} ${key}`);
      else parts.get(owner.key)?.set(`${table} ${key}`, row);
    }
  }
  return { parts, strays };
};

const oneOf = <T>(random: Random, from: readonly T[]): T =>
  from[Math.floor(random.fraction() * from.length)] as T;

const call = <T>(
  says: string,
  ask: Call['ask'],
  decide: Call['decide'],
  print: (value: T) => unknown = () => undefined,
): Call => ({ says, ask, decide, print });

const one = <T>(part: Part, table: Table): T | undefined =>
  [...part].find(([place]) => tableOf(place) === table)?.[1] as T | undefined;

const all = <T>(part: Part, table: Table): T[] =>
  [...part].flatMap(([place, row]) => (tableOf(place) === table ? [row as T] : []));

const found = <T>(row: T | undefined): Decided<unknown> =>
  row === undefined ? refused('ResourceNotFound') : decided(row);

const NOTHING: Kind['spontaneous'] = () => [];
const DOMAIN = 'kill';

const processIn = (part: Part): Process => ({
  desired: one<DesiredLrp>(part, 'desired_lrps'),
  rows: all<ActualLrp>(part, 'actual_lrps'),
});

const slotIn = (part: Part, index: number): Slot => {
  const { desired, rows } = processIn(part);
  const at = (presence: ActualLrp['presence']): ActualLrp | undefined =>
    rows.find((row) => row.index === index && row.presence === presence);
  return { desired, ordinary: at('ORDINARY'), suspect: at('SUSPECT'), evacuating: at('EVACUATING') };
};

/** No cell is known to have gone: the board has no bus to hear them on. */
const CELLS = { gone: () => false };
const WORLD = { ...CELLS, now: 1, present: () => false, fresh: () => false, stale: Infinity };

const lookAtDesired = (key: string): Call =>
  call<DesiredLrp>(
    `desired ${key}`,
    (bbs) => bbs.desiredLrp(key),
    (part) => [found(processIn(part).desired)],
    printDesired,
  );

const lookAtRows = (key: string): Call =>
  call<ActualLrp[]>(
    `actual ${key}`,
    (bbs) => bbs.actualLrps({ processGuid: key }),
    (part) => [decided(processIn(part).rows)],
    (rows) => rows.map(printLrp).sort(),
  );

const desiring = (key: string, instances: number): Call => {
  const lrp = desiredLrp({ processGuid: key, domain: DOMAIN, instances });
  return call(
    `desire ${key} ${instances}`,
    (bbs) => bbs.desireLrp(lrp, ''),
    (part) => [desire(processIn(part), lrp, CONTEXT)],
  );
};

const updating = (key: string, change: { instances?: number; annotation?: string }): Call =>
  call(
    `update ${key} ${JSON.stringify(change)}`,
    (bbs) => bbs.updateDesiredLrp(key, change, ''),
    (part) => [update(processIn(part), { update: change, cells: CELLS }, CONTEXT)],
  );

const removing = (key: string): Call =>
  call(
    `remove ${key}`,
    (bbs) => bbs.removeDesiredLrp(key, ''),
    (part) => [removeDesired(processIn(part), CELLS, CONTEXT)],
  );

const onSlot = (key: string, random: Random): Call => {
  const index = Math.floor(random.fraction() * 3);
  const slot = { processGuid: key, index, domain: DOMAIN };
  const who = oneOf(random, ['one', 'two']);
  const instanceKey = { instanceGuid: `${who}-${index}`, cellId: `cell-${who}` };
  const says = `${key}/${index} ${who}`;
  const transition = { key: slot, instanceKey };
  const starts = startOf(instanceKey, slot);
  const crashes = { ...transition, reason: `crash ${Math.floor(random.fraction() * 1e6)}` };
  return oneOf(random, [
    call(
      `claim ${says}`,
      (bbs) => bbs.claimActualLrp(transition, ''),
      (part) => [claim(slotIn(part, index), transition, CONTEXT)],
    ),
    call(
      `start ${says}`,
      (bbs) => bbs.startActualLrp(starts, ''),
      (part) => [start(slotIn(part, index), starts, CONTEXT)],
    ),
    call(
      `crash ${says}`,
      (bbs) => bbs.crashActualLrp(crashes, ''),
      (part) => [crash(slotIn(part, index), crashes, CONTEXT)],
    ),
    call(
      `remove ${says}`,
      (bbs) => bbs.removeActualLrp(transition, ''),
      (part) => [remove(slotIn(part, index), transition, CONTEXT)],
    ),
    call(
      `fail ${says}`,
      (bbs) => bbs.failActualLrp(slot, crashes.reason, ''),
      (part) => [fail(slotIn(part, index), { placementError: crashes.reason }, CONTEXT)],
    ),
    call(
      `retire ${says}`,
      (bbs) => bbs.retireActualLrp(slot, ''),
      (part) => [retire(slotIn(part, index), CELLS, CONTEXT)],
    ),
  ]);
};

/** Missing rows that may be made in any order before all orders are too many to try. */
const MOST_APART = 4;

/**
 * Convergence makes missing rows, and ends back-offs, whose time is not known here. Which are missing it has seen some
 * time before it makes them: of those that lack now it may make any.
 */
const converging: Kind['spontaneous'] = (part) => {
  const process = processIn(part);
  const crashed = process.rows.filter(({ state }) => state === 'CRASHED');
  const { changes } = convergeProcess(process, WORLD, CONTEXT);
  const made = changes.filter(
    (change) => 'put' in change && !part.has(`${change.table} ${keyIn(change, change.put)}`),
  );
  const apart = made.length <= MOST_APART ? made.map((one) => [one]) : [made];
  return [
    ...apart.map((some) => applied(part, some)),
    ...crashed
      .filter(({ index }) => index < (process.desired?.instances ?? 0))
      .map((row) => applied(part, [{ table: 'actual_lrps', put: givenUp(row, CONTEXT) }])),
  ];
};

const ownsProcess: Kind['owns'] = (table, row, key) =>
  (table === 'desired_lrps' || table === 'actual_lrps') && (row as ActualLrp).processGuid === key;

const lookAtProcess: Kind['look'] = (key, random) =>
  random.fraction() < 0.3 ? lookAtDesired(key) : lookAtRows(key);

/** A process of few instances, on which everything is done that is done to one. */
const processes: Kind = {
  name: 'process',
  owns: ownsProcess,
  look: lookAtProcess,
  spontaneous: converging,
  draw(key, random) {
    const chance = random.fraction();
    if (chance < 0.12) return desiring(key, Math.floor(random.fraction() * 4));
    if (chance < 0.17) return updating(key, { instances: Math.floor(random.fraction() * 4) });
    if (chance < 0.22) return updating(key, { annotation: random.uuid() });
    if (chance < 0.26) return removing(key);
    return onSlot(key, random);
  },
};

/** A process of so many instances that its rows are many pages of the file. */
const wide: Kind = {
  name: 'wide process',
  owns: ownsProcess,
  look: lookAtProcess,
  spontaneous: converging,
  draw: (key, random) =>
    oneOf(random, [
      desiring(key, 120),
      updating(key, { instances: 100 }),
      updating(key, { instances: 120 }),
      removing(key),
    ]),
};

const tasks: Kind = {
  name: 'task',
  owns: (table, row, key) => table === 'tasks' && (row as Task).taskGuid === key,
  spontaneous: NOTHING,
  look: (key) =>
    call<Task>(
      `task ${key}`,
      (bbs) => bbs.task(key),
      (part) => [found(one<Task>(part, 'tasks'))],
      printTask,
    ),
  draw(key, random) {
    const cellId = oneOf(random, ['cell-one', 'cell-two']);
    const wish = { taskGuid: key, domain: DOMAIN, definition: taskDefinition() };
    const says = `${key} ${cellId}`;
    const it = (part: Part): Task | undefined => one<Task>(part, 'tasks');
    const completion = { taskGuid: key, cellId, failed: false, failureReason: '', result: random.uuid() };
    // an auction asked for only because room appeared costs no retry: which one it was is not seen here
    const rejections = [true, false].map((counted) => ({ reason: 'no room', counted, maxRetries: 3 }));
    return oneOf(random, [
      call(
        `desire-task ${says}`,
        (bbs) => bbs.desireTask(wish, ''),
        (part) => [desireTask(it(part), wish, CONTEXT)],
      ),
      call<boolean>(
        `start-task ${says}`,
        (bbs) => bbs.startTask(key, cellId, ''),
        (part) => [startTask(it(part), cellId, CONTEXT)],
        (should) => should,
      ),
      call(
        `complete-task ${says}`,
        (bbs) => bbs.completeTask(completion, ''),
        (part) => [completeTask(it(part), completion, CONTEXT)],
      ),
      call(
        `cancel-task ${says}`,
        (bbs) => bbs.cancelTask(key, ''),
        (part) => [cancelTask(it(part), CONTEXT)],
      ),
      call(
        `reject-task ${says}`,
        (bbs) => bbs.rejectTask(key, 'no room', ''),
        (part) => rejections.map((rejection) => rejectTask(it(part), rejection, CONTEXT)),
      ),
      call(
        `resolving-task ${says}`,
        (bbs) => bbs.resolvingTask(key, ''),
        (part) => [resolvingTask(it(part), CONTEXT)],
      ),
      call(
        `delete-task ${says}`,
        (bbs) => bbs.deleteTask(key, ''),
        (part) => [deleteTask(it(part), CONTEXT)],
      ),
    ]);
  },
};

const kv: Kind = {
  name: 'kv',
  owns: (table, row, key) => table === 'kv' && (row as KvRow).key === key,
  spontaneous: NOTHING,
  look: (key) =>
    call<KvRow>(
      `kv ${key}`,
      (bbs) => bbs.kvGet(key),
      (part) => [decided(one<KvRow>(part, 'kv') ?? { key, value: '', version: 0 })],
      printKv,
    ),
  draw(key, random) {
    const value = random.uuid().repeat(random.fraction() < 0.1 ? 2_000 : 1);
    // asks first: a version out of the air would seldom be the present one
    let entry: KvRow | undefined;
    return call<KvRow>(
      `kv-put ${key} ${value.slice(0, 8)}`,
      async (bbs) => {
        const read = await bbs.kvGet(key);
        if (!read.ok) return read;
        const version = Math.max(0, read.value.version - Math.floor(random.fraction() * 1.3));
        entry = { key, value, version };
        return bbs.kvPut(entry);
      },
      (part) => [entry === undefined ? decided(undefined) : putKv(one<KvRow>(part, 'kv'), entry)],
      printKv,
    );
  },
};

const HOUR_MS = 3_600_000;

const leases: Kind = {
  name: 'lease',
  owns: (table, row, key) => table === 'leases' && (row as LeaseRow).name === key,
  spontaneous: NOTHING,
  look: (key) =>
    call<LeaseRow[]>(
      `leases ${key}`,
      (bbs) => bbs.leases(key),
      (part) => [decided(all<LeaseRow>(part, 'leases').filter(({ owner }) => owner !== ''))],
      (rows) => rows.map(printLease),
    ),
  draw(key, random) {
    const owner = oneOf(random, ['one', 'two', 'three']);
    const request = { name: key, owner, ttlMs: HOUR_MS, value: oneOf(random, ['a', 'b']) };
    let epoch = 0;
    const it = (part: Part): LeaseRow | undefined => one<LeaseRow>(part, 'leases');
    const print = ({ held, epoch, holder }: { held: boolean; epoch: number; holder: string }) => [
      held,
      epoch,
      holder,
    ];
    return oneOf(random, [
      call(
        `acquire ${key} ${owner}`,
        (bbs) => bbs.acquireLease(request),
        (part) => [acquireLease(it(part), request)],
        print,
      ),
      call(
        `renew ${key} ${owner}`,
        async (bbs) => {
          const read = await bbs.leases(key);
          if (!read.ok) return read;
          epoch = read.value[0]?.epoch ?? 0;
          return bbs.renewLease({ ...request, epoch });
        },
        (part) => [renewLease(it(part), { ...request, epoch })],
        print,
      ),
      call(
        `release ${key} ${owner}`,
        (bbs) => bbs.releaseLease(key, owner),
        (part) => [releaseLease(it(part), owner)],
      ),
    ]);
  },
};

const domains: Kind = {
  name: 'domain',
  owns: (table, row, key) => table === 'domains' && (row as { name: string }).name === key,
  spontaneous: NOTHING,
  look: (key) =>
    call<string[]>(
      `domains ${key}`,
      (bbs) => bbs.domains(),
      (part) => [decided(part.size > 0 ? [key] : [])],
      (names) => names.filter((name) => name === key),
    ),
  draw(key) {
    const request = { domain: key, ttlSeconds: 0 };
    return call(
      `upsert ${key}`,
      (bbs) => bbs.upsertDomain(key, 0, ''),
      () => [upsertDomain(request, CONTEXT)],
    );
  },
};

/** How many keys of each kind are worked on at a time: few, so that callers meet. */
export const KINDS: readonly { kind: Kind; keys: number }[] = [
  { kind: processes, keys: 5 },
  { kind: wide, keys: 1 },
  { kind: tasks, keys: 5 },
  { kind: kv, keys: 3 },
  { kind: leases, keys: 2 },
  { kind: domains, keys: 1 },
];
