import { readArgs, readCount } from '../args.js';
import { JSON_OPTION, printJson, printMore } from '../auction/show.js';
import type { Command, Context } from '../context.js';
import { compactTable, duration, plural } from '../output.js';

const USAGE = 'mesos offers [-n OFFERS] [--json]';
const MAX = 500;
const DEFAULT = 20;

/** What the API answers. */
interface Offers {
  trouble: string;
  framework_id: string;
  master: string;
  suppressed: boolean;
  waiting: number;
  waited_ms: number;
  hunger: string;
  held: number;
  received: number;
  used: number;
  declined: number;
  rescinded: number;
  lost: number;
  executors: number;
  tasks: number;
  rejections: { reason: string; count: number; latest: string }[];
  offers: {
    offer_id: string;
    agent_id: string;
    hostname: string;
    role: string;
    resources: string;
    outcome: string;
    reason: string;
    used_by: string[];
    held_ms: number;
  }[];
  more_offers: number;
}

const HEADING = ['offer', 'agent', 'what', 'for', 'role', 'resources', 'why, or for whom'];

/** Of ids that Mesos makes the end tells one from another. */
const shortId = (id: string): string => id.replace(/^[0-9a-f-]{36}-/, '');

const rowOf = (offer: Offers['offers'][number]): string[] => [
  shortId(offer.offer_id),
  `${offer.hostname} (${shortId(offer.agent_id)})`,
  offer.outcome,
  `${(offer.held_ms / 1000).toFixed(1)} s`,
  offer.role === '*' ? '' : offer.role,
  offer.resources,
  offer.used_by.length > 0 ? offer.used_by.join(', ') : offer.reason,
];

const subscriptionOf = ({ trouble, framework_id: id, master, suppressed }: Offers): string => {
  if (trouble !== '') return `not subscribed: ${trouble}`;
  return `subscribed at ${master} as ${id}${suppressed ? '; no offers are wanted now' : ''}`;
};

const demandOf = ({ waiting, waited_ms: ms }: Offers): string =>
  waiting === 0
    ? 'nothing waits for offers'
    : `${waiting} instances and tasks wait for offers, the oldest for ${duration(ms / 1000)}`;

const print = (context: Context, answer: Offers): void => {
  context.print(subscriptionOf(answer));
  context.print(
    `${plural(answer.tasks, 'task')} on ${plural(answer.executors, 'executor')}; ${demandOf(answer)}`,
  );
  if (answer.hunger !== '') context.print(answer.hunger);
  const { received, held, used, declined, rescinded, lost } = answer;
  context.print(
    `${plural(received, 'offer')} since the start: ${held} held, ${used} used, ${declined} declined, ${rescinded} rescinded, ${lost} lost`,
  );
  const rejections = answer.rejections.map(({ reason, count, latest }) => [reason, String(count), latest]);
  if (rejections.length > 0)
    context.print(`\n${compactTable([['of no use', 'offers', 'the latest'], ...rejections])}`);
  if (answer.offers.length > 0) context.print(`\n${compactTable([HEADING, ...answer.offers.map(rowOf)])}`);
  printMore(context, answer.more_offers, 'offers');
};

export const offers: Command = {
  name: 'offers',
  usage: USAGE,
  summary: 'what offers of Mesos are held, used, declined and rescinded, and what waits for some',
  options: [['-n OFFERS', `so many at most, up to ${MAX}; without: ${DEFAULT}`], JSON_OPTION],
  async run(context, args) {
    const options = { number: { type: 'string', short: 'n' }, json: { type: 'boolean' } } as const;
    const { values } = readArgs({ usage: USAGE, options, words: [] }, args);
    const limit = readCount(values.number, { name: '-n', min: 1, max: MAX, usage: USAGE }) ?? DEFAULT;
    const path = `/outcry/v1/mesos/offers?limit=${limit}`;
    const answer = await context.api().fetch<Offers>({ method: 'GET', path });
    if (values.json) printJson(context, answer);
    else print(context, answer);
    return 0;
  },
};
