import type { Result } from './result.js';

/** The BBS's error types: Diego's names and numbers (bbs models, Error.Type). */
export const BBS_ERROR_TYPES = {
  UnknownError: 0,
  InvalidRecord: 3,
  InvalidRequest: 4,
  InvalidResponse: 5,
  InvalidProtobufMessage: 6,
  InvalidJSON: 7,
  FailedToOpenEnvelope: 8,
  InvalidStateTransition: 9,
  ResourceConflict: 11,
  ResourceExists: 12,
  ResourceNotFound: 13,
  RouterError: 14,
  ActualLRPCannotBeClaimed: 15,
  ActualLRPCannotBeStarted: 16,
  ActualLRPCannotBeCrashed: 17,
  ActualLRPCannotBeFailed: 18,
  ActualLRPCannotBeRemoved: 19,
  ActualLRPCannotBeUnclaimed: 21,
  RunningOnDifferentCell: 24,
  GUIDGeneration: 26,
  Deserialize: 27,
  Deadlock: 28,
  Unrecoverable: 29,
  LockCollision: 30,
  Timeout: 31,
} as const;

export type BbsErrorType = keyof typeof BBS_ERROR_TYPES;

export interface BbsError {
  type: BbsErrorType;
  message: string;
  /** true: nothing is known of the outcome or the BBS could not be reached; asking again is right */
  unavailable?: true;
}

export type BbsResult<T> = Result<T, BbsError>;
