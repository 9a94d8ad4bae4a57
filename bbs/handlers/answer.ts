import type { BbsAnswerName, BbsAnswers } from '../../common/model/bbs-api.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import { err } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
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
  /** lets others have their turn in the middle of a long answer, which is written in one go when absent */
  pause?(): Promise<void>;
}

export interface Answered {
  /** 200, errors of the board's included; 503 when asking again is right */
  status: number;
  contentType: string;
  body: Uint8Array;
}

/** One call as the server runs it. */
export interface Handler {
  readonly call: Described;
  handle(board: Board, asked: Asked): Promise<Answered>;
  /** an error that came before the call was looked at */
  refuse(error: BbsError, contentType: string | undefined): Answered;
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

/** Rows that are written in one go: some ms. */
const ROWS_AT_ONCE = 4_000;

interface Long<A extends BbsAnswerName> {
  answer: BbsAnswers[A];
  rows: keyof BbsAnswers[A];
  pause(): Promise<void>;
}

/** Rows never change, so an answer that is written piece by piece still is of one moment. */
const writeInPieces = async <A extends BbsAnswerName>(
  form: Form,
  name: A,
  { answer, rows, pause }: Long<A>,
): Promise<Uint8Array> => {
  const list = answer[rows] as unknown[];
  const parts: Uint8Array[] = [];
  for (let from = 0; from < list.length; from += ROWS_AT_ONCE) {
    if (from > 0) await pause();
    const some = { ...answer, [rows]: list.slice(from, from + ROWS_AT_ONCE) };
    parts.push(form.write(name, some as WireMessages[A]));
  }
  return form.join(parts);
};

const isLong = (list: unknown): boolean => Array.isArray(list) && list.length > ROWS_AT_ONCE;

/** Joins a call of the protocol to what the board does about it. */
export const on = <Args, Value, Q extends RequestName, A extends BbsAnswerName>(
  call: ServedCall<Args, Value, Q, A>,
  run: (board: Board, args: Args, traceId: string) => Promise<BbsResult<Value>>,
): Handler => {
  const write = (form: Form, answer: BbsAnswers[A], status: number): Answered => ({
    status,
    contentType: form.contentType,
    body: form.write(call.answer, answer as WireMessages[A]),
  });
  const refuse = (form: Form, error: BbsError): Answered =>
    write(form, refusal(call, error), error.unavailable ? 503 : 200);

  return {
    call,
    async handle(board, { body, contentType, traceId, pause }) {
      const form = formOf(contentType);
      const request = requestIn(call, form, body);
      if (!request.ok) return refuse(form, invalid(request.error));
      const args = call.parse(request.value);
      if (!args.ok) return refuse(form, invalid(args.error));
      const result = await run(board, args.value, traceId);
      if (!result.ok) return refuse(form, result.error);
      const answer = call.reply(result.value);
      const { rows } = call;
      if (!pause || rows === undefined || !isLong(answer[rows])) return write(form, answer, 200);
      const bytes = await writeInPieces(form, call.answer, { answer, rows, pause });
      return { status: 200, contentType: form.contentType, body: bytes };
    },
    refuse: (error, contentType) => refuse(formOf(contentType), error),
  };
};
