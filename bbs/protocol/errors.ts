import { BBS_ERROR_TYPES } from '../../common/model/bbs-error.js';
import type { BbsError, BbsErrorType } from '../../common/model/bbs-error.js';
import { isBody } from './fields.js';
import type { Body } from './fields.js';

/** An error as it lies in field `error` of every answer. */
export const printError = ({ type, message }: BbsError): Body => ({ error: { type, message } });

const isType = (type: unknown): type is BbsErrorType => typeof type === 'string' && type in BBS_ERROR_TYPES;

/** The error within an answer, if there is one. */
export const errorIn = (body: Body): BbsError | undefined => {
  const { error } = body;
  if (error === undefined || error === null) return undefined;
  const { type, message } = isBody(error) ? error : {};
  return { type: isType(type) ? type : 'UnknownError', message: String(message ?? '') };
};
