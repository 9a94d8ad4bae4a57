/** What can go wrong between the router and an endpoint, as far as it makes a difference. */
export type FailureKind =
  /** no connection came about: refused, unreachable, not in time */
  | 'dial'
  /** unregistered after it was chosen, before anything was written */
  | 'withdrawn'
  /** closed without an answer, on a connection made for this request */
  | 'eof'
  /** reset without an answer, on a connection made for this request */
  | 'reset'
  /** closed or reset without an answer, on a connection that had served before */
  | 'stale-connection'
  | 'tls-hostname'
  | 'tls-untrusted'
  | 'tls-handshake'
  /** not done in time */
  | 'tls-handshake-timeout'
  | 'tls-client-cert-refused'
  | 'timeout'
  | 'client-gone'
  /** anything else, garbage instead of an answer included */
  | 'other';

export type RetryRule = 'always' | 'when-idempotent' | 'never';

export interface FailureRule {
  readonly retry: RetryRule;
  /** other requests avoid the endpoint for a while */
  readonly marks: boolean;
  /** a TLS endpoint is removed at once: it is gone, or somebody else answers there */
  readonly evictsTls: boolean;
  /** HTTP status when no retry is left; 499 is seen in logs only */
  readonly status: number;
  readonly message: string;
}

const BAD_GATEWAY = {
  status: 502,
  message: '502 Bad Gateway: Registered endpoint failed to handle the request.',
} as const;

const rule = (
  retry: RetryRule,
  effects: { marks?: boolean; evictsTls?: boolean; status?: number; message?: string } = {},
): FailureRule => ({ retry, marks: false, evictsTls: false, ...BAD_GATEWAY, ...effects });

const FOREIGN = { marks: true, evictsTls: true } as const;

/** gorouter's classifiers and error table, by kind. */
export const FAILURE_RULES: Readonly<Record<FailureKind, FailureRule>> = {
  dial: rule('always', FOREIGN),
  withdrawn: rule('always'),
  eof: rule('when-idempotent'),
  reset: rule('never', { marks: true }),
  'stale-connection': rule('when-idempotent'),
  'tls-hostname': rule('always', { ...FOREIGN, status: 503, message: '503 Service Unavailable' }),
  'tls-untrusted': rule('always', { ...FOREIGN, status: 526, message: '526 Invalid SSL Certificate' }),
  'tls-handshake': rule('always', { ...FOREIGN, status: 525, message: '525 SSL Handshake Failed' }),
  'tls-handshake-timeout': rule('always', FOREIGN),
  'tls-client-cert-refused': rule('always', {
    ...FOREIGN,
    status: 496,
    message: '496 SSL Certificate Required',
  }),
  timeout: rule('never'),
  'client-gone': rule('never', { status: 499, message: '499 Request Cancelled' }),
  other: rule('never'),
};

export interface AttemptOutcome {
  readonly kind: FailureKind;
  /** a repetition does no harm: see `isIdempotent` */
  readonly idempotent: boolean;
  /** bytes of the request's body went out, and are gone */
  readonly bodyTouched: boolean;
  /** attempts so far, this one included; those on stale or withdrawn endpoints do not count */
  readonly attempts: number;
  /** most attempts for this request: the router's limit, or the number of endpoints if that is less */
  readonly maxAttempts: number;
  /** attempts so far that do not count, this one included */
  readonly uncounted: number;
}

/** Attempts that do not count end as well: an endpoint may close every idle connection we hold. */
const MAX_UNCOUNTED = 8;

/**
 * Failures that say nothing against the endpoint: the next attempt may go to the same one. For connections
 * that an endpoint closed while idle, this is what Go's HTTP transport does below gorouter.
 */
export const isUncounted = (kind: FailureKind): boolean =>
  kind === 'stale-connection' || kind === 'withdrawn';

export const shouldRetry = (outcome: AttemptOutcome): boolean => {
  const { retry } = FAILURE_RULES[outcome.kind];
  if (retry === 'never' || outcome.bodyTouched) return false;
  if (retry === 'when-idempotent' && !outcome.idempotent) return false;
  return isUncounted(outcome.kind)
    ? outcome.uncounted < MAX_UNCOUNTED
    : outcome.attempts < outcome.maxAttempts;
};

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

export const isIdempotent = (request: {
  method: string;
  hasBody: boolean;
  hasIdempotencyKey: boolean;
}): boolean => !request.hasBody && (SAFE_METHODS.has(request.method) || request.hasIdempotencyKey);
