/** Which trace headers the router sets; decided by configuration. */
export interface TracingRules {
  /** `b3`, `X-B3-TraceId`, `X-B3-SpanId` */
  readonly zipkin: boolean;
  /** `traceparent`, `tracestate` */
  readonly w3c: boolean;
  /** its entry in `tracestate`: `gorouter`, or `<tenant>@gorouter` */
  readonly w3cKey: string;
}

/** Headers of a request that tell of a trace, by name in lower case; undefined when absent. */
export type TraceFacts = Partial<Record<TraceHeader, string>>;

export const TRACE_HEADERS = [
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'traceparent',
  'tracestate',
] as const;

/** Those of a request that its line in the access log shows, in lower case. */
export const loggedTraceHeaders = ({ zipkin, w3c }: Pick<TracingRules, 'zipkin' | 'w3c'>): string[] => [
  ...(zipkin ? ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'b3'] : []),
  ...(w3c ? ['traceparent', 'tracestate'] : []),
];

export type TraceHeader = (typeof TRACE_HEADERS)[number];

/** Where a request stands in its trace. */
export interface Trace {
  /** UUID; the trace's id when that has the form of one */
  readonly requestId: string;
  /** hex; '' when nothing is traced */
  readonly traceId: string;
  readonly spanId: string;
  /** names and values in turn, for the endpoint */
  readonly headers: readonly string[];
}

/** Chance for new ids. */
export interface IdSource {
  uuid(): string;
  /** so many random bytes as lower-case hex */
  secret(bytes: number): string;
}

const SINGLE = /^([\da-f]{32}|[\da-f]{16})-([\da-f]{16})(?:-[01d](?:-[\da-f]{16})?)?$/i;
const TRACE_ID = /^(?:[\da-f]{32}|[\da-f]{16})$/i;
const SPAN_ID = /^[\da-f]{16}$/i;
const PARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;
/** characters of a `tracestate` beyond which it is not worth carrying */
const MAX_STATE = 2048;

interface Ids {
  readonly requestId: string;
  readonly traceId: string;
  readonly spanId: string;
}

const newIds = (source: IdSource): Ids => {
  const requestId = source.uuid();
  return { requestId, traceId: requestId.replaceAll('-', ''), spanId: source.secret(8) };
};

const asUuid = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

const knownIds = (traceId: string, spanId: string, source: IdSource): Ids => ({
  requestId: traceId.length === 32 ? asUuid(traceId.toLowerCase()) : source.uuid(),
  traceId,
  spanId,
});

const sampling = (facts: TraceFacts): string => {
  if (facts['x-b3-flags'] === '1') return '-d';
  const sampled = facts['x-b3-sampled']?.toLowerCase();
  if (sampled === '1' || sampled === 'true') return '-1';
  return sampled === '0' || sampled === 'false' ? '-0' : '';
};

const singleHeader = (traceId: string, spanId: string, facts: TraceFacts): string => {
  const state = sampling(facts);
  const parent = facts['x-b3-parentspanid'];
  const suffix = state !== '' && parent !== undefined && SPAN_ID.test(parent) ? `-${parent}` : '';
  return `${traceId}-${spanId}${state}${suffix}`;
};

const keep = (facts: TraceFacts, name: TraceHeader, written: string): string[] => {
  const value = facts[name];
  return value === undefined ? [] : [written, value];
};

interface Part {
  readonly ids: Ids | undefined;
  readonly headers: readonly string[];
}

/** Existing B3 headers are kept, and told in one header too; without any, a trace begins here. */
const traceB3 = (facts: TraceFacts, source: IdSource): Part => {
  const b3 = facts.b3;
  const traceId = facts['x-b3-traceid'];
  const spanId = facts['x-b3-spanid'];
  const kept = [...keep(facts, 'x-b3-traceid', 'X-B3-TraceId'), ...keep(facts, 'x-b3-spanid', 'X-B3-SpanId')];
  const [, singleTrace, singleSpan] = SINGLE.exec(b3 ?? '') ?? [];
  if (singleTrace !== undefined && singleSpan !== undefined) {
    return { ids: knownIds(singleTrace, singleSpan, source), headers: [...kept, 'b3', b3 ?? ''] };
  }
  if (traceId !== undefined && spanId !== undefined) {
    const valid = TRACE_ID.test(traceId) && SPAN_ID.test(spanId);
    if (!valid) return { ids: undefined, headers: [...kept, ...keep(facts, 'b3', 'b3')] };
    const headers = [...kept, 'b3', singleHeader(traceId, spanId, facts)];
    return { ids: knownIds(traceId, spanId, source), headers };
  }
  const ids = newIds(source);
  const single = `${ids.traceId}-${ids.spanId}`;
  return { ids, headers: ['X-B3-TraceId', ids.traceId, 'X-B3-SpanId', ids.spanId, 'b3', single] };
};

const nextState = (state: string, key: string, spanId: string): string => {
  const own = `${key}=${spanId}`;
  if (state === '' || state.length > MAX_STATE) return own;
  const others = state
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry.includes('=') && entry.slice(0, entry.indexOf('=')) !== key);
  return [own, ...others].join(',');
};

/** The next span of a trace that came in, or the first of the one that begins here. */
const traceW3c = (facts: TraceFacts, rules: TracingRules, known: Ids | undefined, source: IdSource): Part => {
  const [, traceId, , flags] = PARENT.exec((facts.traceparent ?? '').trim().toLowerCase()) ?? [];
  if (traceId === undefined || flags === undefined || /^0+$/.test(traceId)) {
    const ids = known ?? newIds(source);
    const parent = `00-${ids.traceId.padStart(32, '0')}-${ids.spanId}-01`;
    return { ids, headers: ['traceparent', parent, 'tracestate', nextState('', rules.w3cKey, ids.spanId)] };
  }
  const spanId = source.secret(8);
  const state = nextState(facts.tracestate ?? '', rules.w3cKey, spanId);
  return {
    ids: known ?? knownIds(traceId, spanId, source),
    headers: ['traceparent', `00-${traceId}-${spanId}-${flags}`, 'tracestate', state],
  };
};

const NO_HEADERS: readonly string[] = [];

/** Names the request, and places it in its trace. */
export const traceRequest = (facts: TraceFacts | undefined, rules: TracingRules, source: IdSource): Trace => {
  if (!rules.zipkin && !rules.w3c) {
    return { requestId: source.uuid(), traceId: '', spanId: '', headers: NO_HEADERS };
  }
  const b3 = rules.zipkin ? traceB3(facts ?? {}, source) : undefined;
  const w3c = rules.w3c ? traceW3c(facts ?? {}, rules, b3?.ids, source) : undefined;
  const ids = w3c?.ids ?? b3?.ids ?? { requestId: source.uuid(), traceId: '', spanId: '' };
  const headers = b3 && w3c ? b3.headers.concat(w3c.headers) : ((b3 ?? w3c)?.headers ?? NO_HEADERS);
  return { requestId: ids.requestId, traceId: ids.traceId, spanId: ids.spanId, headers };
};
