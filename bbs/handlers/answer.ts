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
    async handle(board, { body, contentType, traceId }) {
      const form = formOf(contentType);
      const request = requestIn(call, form, body);
      if (!request.ok) return refuse(form, invalid(request.error));
      const args = call.parse(request.value);
      if (!args.ok) return refuse(form, invalid(args.error));
      const result = await run(board, args.value, traceId);
      return result.ok ? write(form, call.reply(result.value), 200) : refuse(form, result.error);
    },
    refuse: (error, contentType) => refuse(formOf(contentType), error),
  };
};
