import { Agent, request } from 'undici';
import { ERRORS, type ErrorCode, type ErrorDetails, OutcryError } from '../../common/model/errors.js';

export interface ApiClientOptions {
  /** `http://127.0.0.1:8081` */
  url: string;
  token: string;
  /** where applications are reached, if that is known: `http://127.0.0.1:8080` */
  router?: string | undefined;
  /** PEM: the authority that signed its certificate; absent = the system's own */
  ca?: string;
  /** ends reads and uploads that are under way; changes already asked for are let finish */
  signal?: AbortSignal;
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  path: string;
  /** sent as JSON */
  json?: unknown;
  raw?: { body: string | AsyncIterable<Uint8Array>; contentType: string; contentLength?: number };
}

export interface ApiResponse {
  status: number;
  /** parsed; undefined when the body is empty */
  body: unknown;
  location: string | undefined;
}

/** The API as the command line uses it. Every failure is an OutcryError that says what to do. */
export interface ApiClient {
  readonly url: string;
  readonly router: string | undefined;
  /** a 2xx answer; other statuses are errors with the API's own text */
  call(request: ApiRequest): Promise<ApiResponse>;
  /** the body of such an answer */
  fetch<T>(request: ApiRequest): Promise<T>;
  /** the same, deaf to its signal */
  undisturbed(): ApiClient;
  close(): Promise<void>;
}

interface ErrorEntry {
  title?: string;
  detail?: string;
  /** beside Cloud Foundry's keys: the registry's own */
  outcry?: { code?: string; details?: ErrorDetails };
}

/** Requests at a time; more would not be answered sooner. */
const CONNECTIONS = 8;

const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(ERRORS, code);

const errorsOf = (body: unknown): ErrorEntry[] => {
  const { errors } = (body ?? {}) as { errors?: unknown };
  return Array.isArray(errors) ? (errors as ErrorEntry[]) : [];
};

/** Cloud Foundry's word for a thing that is not there. */
export const isGone = (error: unknown): boolean =>
  error instanceof OutcryError && error.code === 'API_REFUSED' && error.details.status === 404;

const apiError = (response: ApiResponse): OutcryError => {
  if (response.status === 401) return new OutcryError('TOKEN_REFUSED');
  const [first, ...others] = errorsOf(response.body);
  const code = first?.outcry?.code;
  if (isCode(code)) return new OutcryError(code, first?.outcry?.details);
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new OutcryError('API_REFUSED', {
    status: response.status,
    title: first?.title ?? 'without a title',
    reason: `${first?.detail ?? 'no reason given'}${more}`,
  });
};

type Sent = { body?: string | AsyncIterable<Uint8Array>; headers: Record<string, string> };

const sentOf = ({ raw, json }: ApiRequest): Sent => {
  if (raw !== undefined) {
    const { body, contentType, contentLength } = raw;
    const length = contentLength === undefined ? {} : { 'content-length': String(contentLength) };
    return { body, headers: { 'content-type': contentType, ...length } };
  }
  if (json === undefined) return { headers: {} };
  return { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } };
};

const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || (cause as NodeJS.ErrnoException).code || cause.name;
};

/** What TLS says of the other side's certificate. */
const isUntrusted = (cause: unknown): boolean =>
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(VERIFY|GET_ISSUER))/.test(
    String((cause as NodeJS.ErrnoException).code),
  );

const createCaller = ({ url, token }: ApiClientOptions, dispatcher: Agent) => {
  const parsed = (text: string, status: number): unknown => {
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch {
      const start = JSON.stringify(text.slice(0, 60));
      throw new OutcryError('API_NOT_OUTCRY', { url, status, start });
    }
  };

  return async (asked: ApiRequest, signal: AbortSignal | undefined): Promise<ApiResponse> => {
    const { body, headers } = sentOf(asked);
    try {
      const response = await request(new URL(asked.path, url), {
        dispatcher,
        method: asked.method,
        headers: { authorization: `bearer ${token}`, accept: 'application/json', ...headers },
        ...(body === undefined ? {} : { body: body as string }),
        ...(signal === undefined ? {} : { signal }),
      });
      const { location } = response.headers;
      return {
        status: response.statusCode,
        body: parsed(await response.body.text(), response.statusCode),
        location: typeof location === 'string' ? location : undefined,
      };
    } catch (cause) {
      if (cause instanceof OutcryError) throw cause;
      signal?.throwIfAborted();
      const code = isUntrusted(cause) ? 'API_CERTIFICATE_REFUSED' : 'API_UNREACHABLE';
      throw new OutcryError(code, { url, reason: reasonOf(cause) }, { cause });
    }
  };
};

/** Whether breaking it off leaves nothing unclear. */
const mayBreakOff = ({ method, raw }: ApiRequest): boolean =>
  method === 'GET' || (raw !== undefined && typeof raw.body !== 'string');

export const createApiClient = (options: ApiClientOptions): ApiClient => {
  // staging and uploads may take their time; there is no deadline but the user's own
  const dispatcher = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 1000,
    connections: CONNECTIONS,
    ...(options.ca !== undefined && { connect: { ca: options.ca } }),
  });
  const ask = createCaller(options, dispatcher);

  const client = (signal: AbortSignal | undefined): ApiClient => {
    const call = async (asked: ApiRequest): Promise<ApiResponse> => {
      const response = await ask(asked, mayBreakOff(asked) ? signal : undefined);
      if (response.status >= 300) throw apiError(response);
      return response;
    };
    return {
      url: options.url,
      router: options.router,
      call,
      fetch: async <T>(asked: ApiRequest) => (await call(asked)).body as T,
      undisturbed: () => client(undefined),
      close: () => dispatcher.close(),
    };
  };
  return client(options.signal);
};
