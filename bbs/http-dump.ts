import { Client } from 'undici';
import type { Dispatcher } from 'undici';
import { silentLogger } from '../common/adapters/capture-logger.js';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { OutcryError } from '../common/model/errors.js';
import { doorFailure } from '../common/runtime/door-failure.js';
import { refusalIn } from '../common/runtime/door-refusal.js';
import { connectionTo } from '../common/runtime/endpoint.js';
import type { Connection, Endpoint } from '../common/runtime/endpoint.js';
import { BBS_ROUTES } from '../common/wire/routes.js';

type WriteDump = (write: (lines: string) => Promise<void>) => Promise<void>;

/** Nobody listens there. */
const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ECONNREFUSED'].includes(String((error as { code?: unknown }).code));

const failure = (error: unknown, { overTls }: Connection): OutcryError => {
  const { reason, untrusted } = doorFailure(error, overTls);
  return new OutcryError(
    untrusted ? 'BBS_CERTIFICATE_REFUSED' : 'BBS_UNAVAILABLE',
    { reason },
    { cause: error },
  );
};

const refused = async ({ statusCode, body }: Dispatcher.ResponseData): Promise<OutcryError> => {
  const reason = `it answers with status ${statusCode}`;
  return refusalIn(statusCode, await body.text()) ?? new OutcryError('BBS_UNAVAILABLE', { reason });
};

/** A BBS that answers, and is about to say all it has; undefined when none listens. */
export const askForDump = async (endpoint: Endpoint): Promise<WriteDump | undefined> => {
  const [clock, logger] = [createSystemClock(), silentLogger];
  const connection = connectionTo(endpoint, { what: 'client of the BBS', clock, logger });
  const client = new Client(connection.origin, { bodyTimeout: 0, ...connection.options });
  let response: Dispatcher.ResponseData;
  try {
    response = await client.request({ path: BBS_ROUTES.OutcryDump, method: 'GET' });
  } catch (error) {
    await client.destroy();
    if (isAbsent(error)) return undefined;
    throw failure(error, connection);
  }
  if (response.statusCode !== 200) {
    const error = await refused(response);
    await client.destroy();
    throw error;
  }
  return async (write) => {
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const bytes of response.body) {
        const text = rest + decoder.decode(bytes as Buffer, { stream: true });
        const end = text.lastIndexOf('\n') + 1;
        if (end > 0) await write(text.slice(0, end));
        rest = text.slice(end);
      }
    } catch (error) {
      throw error instanceof OutcryError ? error : failure(error, connection);
    } finally {
      await client.destroy();
    }
  };
};
