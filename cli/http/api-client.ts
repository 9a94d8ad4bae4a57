import { Agent, request } from 'undici';
import { OutcryError } from '../../common/model/errors.js';

export interface ApiClientOptions {
  /** `http://127.0.0.1:8081` */
  url: string;
  token: string;
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
  /** any status */
  call(request: ApiRequest): Promise<ApiResponse>;
  /** the body of a 2xx answer; other statuses are errors with the API's own text */
  fetch<T>(request: ApiRequest): Promise<T>;
  close(): Promise<void>;
}

interface ErrorBody {
  errors?: { code?: number; title?: string; detail?: string }[];
}

const apiError = (response: ApiResponse): OutcryError => {
  const first = (response.body as ErrorBody | undefined)?.errors?.[0];
  if (response.status === 401) return new OutcryError('TOKEN_REFUSED');
  return new OutcryError('API_REFUSED', {
    status: response.status,
    title: first?.title ?? 'no error given',
    reason: first?.detail ?? '',
  });
};

const bodyOf = (
  asked: ApiRequest,
): { body?: string | AsyncIterable<Uint8Array>; headers: Record<string, string> } => {
  if (asked.raw !== undefined) {
    const { body, contentType, contentLength } = asked.raw;
    const length = contentLength === undefined ? {} : { 'content-length': String(contentLength) };
    return { body, headers: { 'content-type': contentType, ...length } };
  }
  if (asked.json === undefined) return { headers: {} };
  return { body: JSON.stringify(asked.json), headers: { 'content-type': 'application/json' } };
};

const parsed = (text: string): unknown => {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ title: 'not JSON', detail: text.slice(0, 200) }] };
  }
};

export const createApiClient = ({ url, token }: ApiClientOptions): ApiClient => {
  // staging and uploads may take their time; there is no deadline but the user's own
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 1000 });

  const call = async (asked: ApiRequest): Promise<ApiResponse> => {
    const { body, headers } = bodyOf(asked);
    try {
      const response = await request(new URL(asked.path, url), {
        dispatcher,
        method: asked.method,
        headers: { authorization: `bearer ${token}`, accept: 'application/json', ...headers },
        ...(body === undefined ? {} : { body: body as string }),
      });
      const location = response.headers.location;
      return {
        status: response.statusCode,
        body: parsed(await response.body.text()),
        location: typeof location === 'string' ? location : undefined,
      };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
      throw new OutcryError('API_UNREACHABLE', { url, reason }, { cause });
    }
  };

  return {
    url,
    call,
    async fetch<T>(asked: ApiRequest) {
      const response = await call(asked);
      if (response.status >= 300) throw apiError(response);
      return response.body as T;
    },
    close: () => dispatcher.close(),
  };
};
