import { readArgs } from '../args.js';
import { type Command, type Context, pause } from '../context.js';
import { getApp } from '../http/apps.js';

const USAGE = 'logs NAME [--recent]';
const POLL_MS = 250;

/** Most lines of one answer. */
const PAGE = 1000;

/** ns for which a line may be late: lines of several cells arrive in any order. */
const LATENESS_NS = 1_000_000_000n;

interface Envelope {
  /** ns, as text; no two of one application are equal */
  timestamp: string;
  instance_id: string;
  tags: { source_type?: string };
  log?: { payload: string; type: 'OUT' | 'ERR' };
}

const stamp = (timestamp: string): string =>
  new Date(Number(BigInt(timestamp) / 1_000_000n)).toISOString().replace('Z', '+0000');

const lineOf = (envelope: Envelope): string => {
  const text = Buffer.from(envelope.log?.payload ?? '', 'base64').toString('utf8');
  const source = `${envelope.tags.source_type ?? 'APP'}/${envelope.instance_id}`;
  return `${stamp(envelope.timestamp)} [${source}] ${envelope.log?.type ?? 'OUT'} ${text}`;
};

const read = async (context: Context, guid: string, query: string): Promise<Envelope[]> => {
  const path = `/api/v1/read/${guid}?envelope_types=LOG&${query}`;
  const answer = await context.api().fetch<{ envelopes: { batch: Envelope[] } }>({ method: 'GET', path });
  return answer.envelopes.batch;
};

const printRecent = async (context: Context, guid: string): Promise<void> => {
  const lines = await read(context, guid, `descending=true&limit=${PAGE}`);
  for (const envelope of lines.reverse()) context.print(lineOf(envelope));
  if (lines.length === 0) context.note('nothing has been printed yet');
};

/** Everything from `from` on, however many answers it takes. */
async function* readFrom(context: Context, guid: string, from: bigint): AsyncGenerator<Envelope> {
  for (let at = from; ;) {
    const lines = await read(context, guid, `start_time=${at}&limit=${PAGE}`);
    yield* lines;
    const last = lines.at(-1);
    if (last === undefined || lines.length < PAGE) return;
    at = BigInt(last.timestamp) + 1n;
  }
}

/**
 * Begins after the newest line that is a second old or more, by the API's clock; then looks again at what may still
 * have been late, and prints what it has not printed before.
 */
const follow = async (context: Context, guid: string): Promise<void> => {
  const [newest] = await read(context, guid, 'descending=true&limit=1');
  const begin = newest === undefined ? 0n : BigInt(newest.timestamp) + 1n;
  let latest = begin;
  let printed = new Set<string>();
  for (;;) {
    const from = latest - LATENESS_NS > begin ? latest - LATENESS_NS : begin;
    const seen = new Set<string>();
    for await (const envelope of readFrom(context, guid, from)) {
      seen.add(envelope.timestamp);
      if (!printed.has(envelope.timestamp)) context.print(lineOf(envelope));
      const time = BigInt(envelope.timestamp);
      if (time > latest) latest = time;
    }
    printed = seen;
    await pause(context, POLL_MS);
  }
};

export const logs: Command = {
  name: 'logs',
  usage: USAGE,
  summary: 'follow what an application prints, or show what it has printed',
  options: [['--recent', 'show what there is, and end']],
  async run(context, args) {
    const options = { recent: { type: 'boolean' } } as const;
    const { values, positionals } = readArgs({ usage: USAGE, options, words: ['NAME'] }, args);
    const app = await getApp(context.api(), positionals[0] ?? '');
    if (values.recent === true) {
      await printRecent(context, app.guid);
      return 0;
    }
    context.note(`following ${app.name}; Ctrl-C ends it`);
    try {
      await follow(context, app.guid);
    } catch (error) {
      if (!context.interrupted.aborted) throw error;
    }
    return 0;
  },
};
