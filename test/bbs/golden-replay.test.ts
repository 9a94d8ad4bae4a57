import t from 'tap';
import { decode, encode, toJson } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import type { BbsClient } from '../../bbs/index.js';
import { must } from '../support/bbs.js';
import { startBbs } from '../support/http-bbs.js';
import {
  bytesOf,
  createComparison,
  createPlayer,
  isCall,
  messagesOf,
  readExchanges,
} from '../support/golden-bbs.js';
import type { Answer, Exchange } from '../support/golden-bbs.js';

const exchanges = readExchanges();

/** Where an answer of ours is another one on purpose. */
const EXCEPTIONS: Record<number, { reason: string; expect(answer: Answer): boolean }> = {
  198: {
    reason: 'a body that says it is JSON is read as JSON, and answered in JSON',
    expect: ({ status, headers, body }) =>
      status === 200 && headers['content-type'] === 'application/json' && body.toString() === '{}',
  },
};

/** What the BBS did by itself in the recording and is done for it here. */
const PLAYED: Record<number, (client: BbsClient) => Promise<void>> = {
  // the completion callback: resolving, the call, deleting
  157: async (client) => {
    must(await client.resolvingTask('task-one', ''));
    must(await client.deleteTask('task-one', ''));
  },
};

/** Nothing happens by itself: convergence would mend what the recording breaks before the next request. */
const QUIET = { converge_repeat_interval: '1h', gather_delay: '1h' };

/** The cells of the recording, present as cells of ours are. */
const bringCells = async (client: BbsClient): Promise<void> => {
  const recorded = exchanges.find(({ path }) => path === '/v1/cells/list.r1');
  for (const cell of must(decode('CellsResponse', bytesOf(recorded?.response.body))).cells) {
    const value = JSON.stringify(toJson('CellPresence', cell));
    const lease = { name: `cell/${cell.cellId}`, owner: 'rep', ttlMs: 3_600_000, value };
    must(await client.acquireLease(lease));
  }
};

const replayed = async (play: (exchange: Exchange) => Promise<Answer>, client: BbsClient) => {
  const comparison = createComparison();
  const compare = async (exchange: Exchange): Promise<string[]> => {
    const answer = await play(exchange);
    const exception = EXCEPTIONS[exchange.seq];
    if (exception) return exception.expect(answer) ? [] : [`not the exception: ${exception.reason}`];
    return comparison.ofAnswer(exchange, answer);
  };
  const told: { exchange: Exchange; differences: string[] }[] = [];
  for (const exchange of exchanges) {
    if (isCall(exchange)) told.push({ exchange, differences: await compare(exchange) });
    else await PLAYED[exchange.seq]?.(client);
  }
  return { told, comparison };
};

t.test('golden - every recorded call has the recorded answer, in order, on an empty board', async (t) => {
  const { client, socketPath } = await startBbs(t, { config: QUIET });
  const player = createPlayer(socketPath);
  t.teardown(player.close);
  await bringCells(client);
  const { told, comparison } = await replayed(player.play, client);
  for (const { exchange, differences } of told) {
    t.same(differences, [], `${exchange.seq} ${exchange.step}: ${exchange.path}`);
  }
  t.same(comparison.disorder(), [], 'times are in the same order');
  t.ok(told.length > 125 && comparison.mapped().epochs > 6 && comparison.mapped().times > 40);
});

/** Parts that ours always writes, where a client leaves them out: an empty message each. */
const ALWAYS_BYTES = 6;

/** bytes by which a message grows when it is read and written again; less than 0: something in it is unknown */
const growth = (name: WireName, body: string | undefined): number => {
  const bytes = bytesOf(body);
  const message = must(decode(name, bytes));
  return encode(name, message as WireMessages[typeof name]).length - bytes.length;
};

t.test('golden - nothing of a recorded message is unknown: it comes out as long as it came in', async (t) => {
  let compared = 0;
  for (const { seq, path, request, response } of exchanges.filter(isCall)) {
    const names = messagesOf(path);
    // those that are no messages, by intent
    if (!names || [195, 198, 200].includes(seq)) continue;
    const asked = names.request ? growth(names.request, request.body) : 0;
    t.ok(asked >= 0 && asked <= ALWAYS_BYTES, `${seq} > ${asked}`);
    t.equal(growth(names.answer, response.body), 0, `${seq} <`);
    compared += 1;
  }
  t.ok(compared > 120);
});
