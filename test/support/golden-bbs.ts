import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Client } from 'undici';
import type { Dispatcher } from 'undici';
import type { BbsClient } from '../../bbs/index.js';
import { HANDLERS } from '../../bbs/handlers/calls.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { decode, toJson } from '../../common/wire/codec.js';
import type { WireName } from '../../common/wire/messages.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import { must } from './bbs.js';

/** Who asked whom. */
export type Link =
  'client->bbs' | 'auctioneer->bbs' | 'bbs->auctioneer' | 'auctioneer+bbs->rep' | 'bbs->callback';

export interface RecordedEvent {
  /** ms after the stream's request */
  at: number;
  id: string;
  event: string;
  /** base64 */
  data: string;
}

/** One exchange between Diego's BBS and somebody, in the order in which they were recorded. Bodies are base64. */
export interface Exchange {
  seq: number;
  /** what the client was about */
  step: string;
  link: Link;
  /** ISO time of the request */
  at: string;
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  status: number;
  request: { headers: Record<string, string>; body: string };
  response: {
    headers: Record<string, string>;
    body?: string;
    /** of an event stream, which goes on through all later exchanges */
    events?: RecordedEvent[];
  };
}

export const readExchanges = (): Exchange[] =>
  gunzipSync(readFileSync(join(packageRoot(), 'test', 'fixtures', 'bbs', 'exchanges.jsonl.gz')))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange);

export const bytesOf = (base64: string | undefined): Buffer => Buffer.from(base64 ?? '', 'base64');

/** What the client and the auctioneer asked, and had an answer to. */
export const isCall = ({ link, response }: Exchange): boolean =>
  (link === 'client->bbs' || link === 'auctioneer->bbs') && response.events === undefined;

export const isStream = ({ response }: Exchange): boolean => response.events !== undefined;

/** What the BBS did besides: requests to auctioneers, reps and callbacks. The rest of these links is the auctioneer's. */
export const isSideEffect = (exchange: Exchange): boolean => !isCall(exchange) && !isStream(exchange);

const callOf = new Map(HANDLERS.map(({ call }) => [BBS_ROUTES[call.route] as string, call]));

/** The messages of a path; undefined when nobody knows it. */
export const messagesOf = (path: string): { request: WireName | undefined; answer: WireName } | undefined =>
  callOf.get(path);

/** What the BBS answered. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export type Player = ReturnType<typeof createPlayer>;

/** Sends recorded requests as they were, over a unix socket. */
export const createPlayer = (socketPath: string) => {
  const client = new Client('http://bbs', { socketPath });
  return {
    async play({ method, path, request }: Exchange): Promise<Answer> {
      const body = bytesOf(request.body);
      const options: Dispatcher.RequestOptions = { method, path, headers: request.headers };
      const response = await client.request({ ...options, body: body.length > 0 ? body : null });
      return {
        status: response.statusCode,
        headers: response.headers,
        body: Buffer.from(await response.body.arrayBuffer()),
      };
    },
    close: () => client.destroy(),
  };
};

/** Nothing happens by itself: convergence would mend what the recording breaks before the next request. */
export const QUIET = { converge_repeat_interval: '1h', gather_delay: '1h' };

/** The cells of the recording, present as cells of ours are. */
export const bringCells = async (exchanges: readonly Exchange[], client: BbsClient): Promise<void> => {
  const recorded = exchanges.find(({ path }) => path === '/v1/cells/list.r1');
  for (const cell of must(decode('CellsResponse', bytesOf(recorded?.response.body))).cells) {
    const value = JSON.stringify(toJson('CellPresence', cell));
    const lease = { name: `cell/${cell.cellId}`, owner: 'rep', ttlMs: 3_600_000, value };
    must(await client.acquireLease(lease));
  }
};

// ---- comparison ----

const HEADERS = ['content-type', 'allow', 'x-content-type-options'];
const TIMES = new Set(['since', 'createdAt', 'updatedAt', 'firstCompletedAt']);

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists of rows have no order of their own. */
const identity = (row: unknown): string => {
  if (!isFields(row)) return String(row);
  const of = isFields(row['instance'])
    ? row['instance']
    : isFields(row['evacuating'])
      ? row['evacuating']
      : row;
  return JSON.stringify([
    of['processGuid'],
    of['index'],
    of['presence'],
    of['taskGuid'],
    of['cellId'],
    of['name'],
  ]);
};

const sorted = (list: unknown[]): unknown[] =>
  [...list].sort((a, b) => (identity(a) < identity(b) ? -1 : identity(a) > identity(b) ? 1 : 0));

/** The lists of an answer, in one order. */
export const ordered = (answer: unknown): unknown =>
  isFields(answer)
    ? Object.fromEntries(
        Object.entries(answer).map(([name, value]) => [name, Array.isArray(value) ? sorted(value) : value]),
      )
    : answer;

const decodedIn = (name: WireName | undefined, body: Buffer): unknown => {
  if (name === undefined) return body.toString('utf8');
  const message = decode(name, body);
  return message.ok ? message.value : `no ${name}: ${message.error.message}`;
};

/**
 * Compares values of the recording with ours. Epochs of modification tags are others, but the same one wherever the
 * recording has the same one; times are others, but in the same order, and absent where they are absent there.
 */
export const createComparison = () => {
  const epochs = new Map<string, string>();
  const seen = new Map<string, string>();
  const times: [recorded: number, ours: number][] = [];

  const sameEpoch = (recorded: string, ours: string): boolean => {
    if (!epochs.has(recorded) && !seen.has(ours)) {
      epochs.set(recorded, ours);
      seen.set(ours, recorded);
    }
    return epochs.get(recorded) === ours;
  };

  const sameTime = (recorded: number, ours: number): boolean => {
    if (recorded === 0 || ours === 0) return recorded === ours;
    times.push([recorded, ours]);
    return true;
  };

  const differences = (recorded: unknown, ours: unknown, path = ''): string[] => {
    if (Array.isArray(recorded) && Array.isArray(ours)) {
      const length =
        recorded.length === ours.length ? [] : [`${path}: ${recorded.length} → ${ours.length} entries`];
      return [...length, ...recorded.flatMap((one, at) => differences(one, ours[at], `${path}[${at}]`))];
    }
    if (isFields(recorded) && isFields(ours)) {
      const names = new Set([...Object.keys(recorded), ...Object.keys(ours)]);
      return [...names].flatMap((name) => differences(recorded[name], ours[name], `${path}.${name}`));
    }
    const last = path.slice(path.lastIndexOf('.') + 1);
    const both = typeof recorded === typeof ours;
    const equal =
      both && last === 'epoch'
        ? sameEpoch(recorded as string, ours as string)
        : both && TIMES.has(last)
          ? sameTime(recorded as number, ours as number)
          : recorded === ours;
    return equal ? [] : [`${path}: ${JSON.stringify(recorded)} → ${JSON.stringify(ours)}`];
  };

  return {
    differences,

    /** what differs between the recorded answer and ours */
    ofAnswer({ path, status, response }: Exchange, ours: Answer): string[] {
      const name = status === 200 ? messagesOf(path)?.answer : undefined;
      const headers = HEADERS.flatMap((header) =>
        response.headers[header] === ours.headers[header]
          ? []
          : [`${header}: ${response.headers[header]} → ${String(ours.headers[header])}`],
      );
      const length =
        ours.headers['content-length'] === String(ours.body.length) ? [] : ['content-length is not told'];
      const [recorded, answered] = [bytesOf(response.body), ours.body].map((body) =>
        ordered(decodedIn(name, body)),
      );
      return [
        ...(status === ours.status ? [] : [`status: ${status} → ${ours.status}`]),
        ...headers,
        ...length,
        ...differences(recorded, answered),
      ];
    },

    /** pairs of times that are in one order in the recording, and in the other with us */
    disorder(): string[] {
      const inOrder = [...times].sort(([a], [b]) => a - b);
      return inOrder.flatMap(([recorded, ours], at) => {
        const before = inOrder[at - 1];
        return before && before[0] < recorded && before[1] > ours
          ? [`${before.join(' → ')} | ${recorded} → ${ours}`]
          : [];
      });
    },
    /** how much was mapped */
    mapped: () => ({ epochs: epochs.size, times: times.length }),
  };
};
