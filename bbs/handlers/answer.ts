import type { BbsAnswerName, BbsAnswers } from '../../common/model/bbs-api.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import type { RowList } from '../../common/store/contract.js';
import type { WireMessages } from '../../common/wire/messages.js';
import type { Board } from '../controllers/board.js';
import { bbsError } from '../core/decision.js';
import type { Problems } from '../core/problems.js';
import { refusal } from '../protocol/call.js';
import type { Described, RequestName, RequestOf, ServedCall } from '../protocol/call.js';
import { formOf } from '../protocol/forms.js';
import type { Form } from '../protocol/forms.js';

/** A request as it came, whoever carried it. */
export interface Asked {
  body: Uint8Array;
  contentType: string | undefined;
  traceId: string;
  /** a long answer may come in parts; in one piece when absent */
  inParts?: true;
}

export interface Answered<Body = Uint8Array | Parts> {
  /** 200, errors of the board's included; 503 when asking again is right */
  status: number;
  contentType: string;
  body: Body;
}

/**
 * The body of a long answer, made as it is sent: some ms each, so that others have their turn in between. The memory of a
 * part is used again for the one after next.
 */
export type Parts = Generator<Uint8Array, void>;

/** One call as the server runs it. */
export interface Handler {
  readonly call: Described;
  handle(board: Board, asked: Asked): Promise<Answered>;
  /** an error that came before the call was looked at */
  refuse(error: BbsError, contentType: string | undefined): Answered<Uint8Array>;
}

const UNPARSABLE = bbsError('InvalidRequest');

const invalid = (problems: Problems): BbsError =>
  problems.length === 0 ? UNPARSABLE : bbsError('InvalidRequest', problems.join(', '));

const requestIn = <Q extends RequestName>(
  call: Described<Q>,
  form: Form,
  body: Uint8Array,
): Result<RequestOf<Q>, Problems> => {
  const name: RequestName = call.request;
  if (name === undefined) return { ok: true, value: undefined as RequestOf<Q> };
  const read = form.read(name, body);
  return read.ok ? { ok: true, value: read.value as RequestOf<Q> } : err(read.error.problems);
};

/** Rows of a part: a ms or two, decoding them included. */
const ROWS_AT_ONCE = 256;
/** more make a long answer */
const MANY_ROWS = 4_000;
/** what most parts fit into */
const ROOM_BYTES = 256 * 1024;

/** An answer that consists of the rows of one list. */
interface Long<A extends BbsAnswerName> {
  length: number;
  part(from: number, to: number): BbsAnswers[A];
}

/** Rows never change, so an answer that is written part by part still is of one moment. */
const writeInParts = function* <A extends BbsAnswerName>(
  form: Form,
  name: A,
  { length, part }: Long<A>,
): Parts {
  let [room, other] = [Buffer.allocUnsafeSlow(ROOM_BYTES), Buffer.allocUnsafeSlow(ROOM_BYTES)];
  for (let from = 0; from < length; from += ROWS_AT_ONCE) {
    const to = Math.min(from + ROWS_AT_ONCE, length);
    const message = form.write(name, part(from, to) as WireMessages[A], room);
    yield form.part(message, { first: from === 0, last: to === length });
    [room, other] = [other, room];
  }
};

/** What a call came to. */
interface Reply<A extends BbsAnswerName> {
  whole(): BbsAnswers[A];
  /** undefined: it has no list that may be long */
  long?: Long<A> | undefined;
}

type RunCall<Args, A extends BbsAnswerName> = (
  board: Board,
  args: Args,
  traceId: string,
) => Promise<BbsResult<Reply<A>>>;

/** Reads the request and writes the answer, in the form that the client speaks. */
const handlerOf = <Args, Value, Q extends RequestName, A extends BbsAnswerName>(
  call: ServedCall<Args, Value, Q, A>,
  run: RunCall<Args, A>,
): Handler => {
  const write = (form: Form, answer: BbsAnswers[A], status: number): Answered<Uint8Array> => ({
    status,
    contentType: form.contentType,
    body: form.write(call.answer, answer as WireMessages[A]),
  });
  const refuse = (form: Form, error: BbsError): Answered<Uint8Array> =>
    write(form, refusal(call, error), error.unavailable ? 503 : 200);

  return {
    call,
    async handle(board, { body, contentType, traceId, inParts }) {
      const form = formOf(contentType);
      const request = requestIn(call, form, body);
      if (!request.ok) return refuse(form, invalid(request.error));
      const args = call.parse(request.value);
      if (!args.ok) return refuse(form, invalid(args.error));
      const result = await run(board, args.value, traceId);
      if (!result.ok) return refuse(form, result.error);
      const { whole, long } = result.value;
      if (!inParts || long === undefined || long.length <= MANY_ROWS) return write(form, whole(), 200);
      return { status: 200, contentType: form.contentType, body: writeInParts(form, call.answer, long) };
    },
    refuse: (error, contentType) => refuse(formOf(contentType), error),
  };
};

/** Joins a call of the protocol to what the board does about it. */
export const on = <Args, Value, Q extends RequestName, A extends BbsAnswerName>(
  call: ServedCall<Args, Value, Q, A>,
  run: (board: Board, args: Args, traceId: string) => Promise<BbsResult<Value>>,
): Handler => {
  const longOf = (answer: BbsAnswers[A]): Long<A> | undefined => {
    const { rows } = call;
    if (rows === undefined) return undefined;
    const list = answer[rows] as unknown[];
    return { length: list.length, part: (from, to) => ({ ...answer, [rows]: list.slice(from, to) }) };
  };

  return handlerOf(call, async (board, args, traceId) => {
    const result = await run(board, args, traceId);
    if (!result.ok) return result;
    const answer = call.reply(result.value);
    return ok({ whole: () => answer, long: longOf(answer) });
  });
};

/** The same for a call that answers with rows, which are looked at no sooner than they are written. */
export const onRows = <Args, Row, Q extends RequestName, A extends BbsAnswerName>(
  call: ServedCall<Args, Row[], Q, A>,
  rowsOf: (board: Board, args: Args) => RowList<Row>,
): Handler =>
  handlerOf(call, async (board, args) => {
    const list = rowsOf(board, args);
    const part = (from: number, to: number): BbsAnswers[A] => call.reply(list.slice(from, to));
    return ok({ whole: () => part(0, list.length), long: { length: list.length, part } });
  });
