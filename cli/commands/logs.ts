import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { getApp } from '../http/apps.js';

const USAGE = 'logs NAME [--recent]';
const POLL_MS = 250;
/** ns; envelopes younger than this may still be overtaken by older ones */
const SETTLING_NS = 300_000_000n;

interface Envelope {
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
  const path = `/api/v1/read/${guid}?envelope_types=LOG&limit=1000&${query}`;
  const answer = await context.api().fetch<{ envelopes: { batch: Envelope[] } }>({ method: 'GET', path });
  return answer.envelopes.batch;
};

const recent = async (context: Context, guid: string): Promise<Envelope[]> =>
  (await read(context, guid, 'descending=true')).reverse();

const follow = async (context: Context, guid: string): Promise<void> => {
  let from = BigInt(context.now()) * 1_000_000n;
  while (!context.interrupted.aborted) {
    const settled = BigInt(context.now()) * 1_000_000n - SETTLING_NS;
    const lines = (await read(context, guid, `start_time=${from}`)).filter(
      ({ timestamp }) => BigInt(timestamp) <= settled,
    );
    for (const envelope of lines) context.print(lineOf(envelope));
    const last = lines.at(-1);
    if (last !== undefined) from = BigInt(last.timestamp) + 1n;
    await context.sleep(POLL_MS);
  }
};

export const logs: Command = {
  name: 'logs',
  usage: USAGE,
  summary: 'follow what an application prints, or show what it has printed',
  async run(context, args) {
    const { values, positionals } = readArgs(
      { usage: USAGE, options: { recent: { type: 'boolean' } }, positionals: { min: 1, max: 1 } },
      args,
    );
    const app = await getApp(context.api(), positionals[0] ?? '');
    if (values.recent === true) {
      for (const envelope of await recent(context, app.guid)) context.print(lineOf(envelope));
      return 0;
    }
    context.note(`following ${app.name}; Ctrl-C ends it`);
    await follow(context, app.guid);
    return 0;
  },
};
