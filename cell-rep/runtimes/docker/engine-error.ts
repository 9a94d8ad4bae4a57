/** HTTP status of the engine's answer; 0 when there was none. */
export const statusOf = (error: unknown): number =>
  (error as { statusCode?: number } | undefined)?.statusCode ?? 0;

/** `(HTTP code 500) server error - ` */
const CLIENTS_WORDS = /^\(HTTP code \d+\) [^-]* - /;

/** What the engine says, without the client's words around it. */
export const reasonOf = (error: unknown): string => {
  const { json, message } = error as { json?: { message?: unknown }; message?: string };
  if (typeof json?.message === 'string') return json.message;
  return (message ?? String(error)).replace(CLIENTS_WORDS, '').trim();
};

/** For what may be gone, or done, already. */
export const unless = async (statuses: readonly number[], work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (!statuses.includes(statusOf(error))) throw error;
  }
};

const FETCH_FAILURES: readonly (readonly [RegExp, (found: string) => string])[] = [
  // with credentials the engine does not even say where
  [
    /(unauthorized|authentication required|no basic auth credentials)/i,
    () => 'its registry refuses who asks, or the credentials',
  ],
  [/lookup (\S+?)(?: on \S+)?: no such host/, (host) => `there is no registry ${host} (DNS)`],
  [/lookup (\S+?)(?: on \S+)?: /, (host) => `the registry ${host} cannot be looked up (DNS)`],
  [/dial tcp (\S+): .*connection refused/, (address) => `nothing listens at its registry's ${address}`],
  [
    /dial tcp (\S+): .*(?:no route|unreachable)/,
    (address) => `there is no way to its registry at ${address}`,
  ],
  [
    /"?(?:https?:\/\/)([^/\s"]+)[^]*(?:Timeout exceeded|deadline exceeded|i\/o timeout)/,
    (host) => `the registry ${host} does not answer in time`,
  ],
  [
    /"?(?:https?:\/\/)([^/\s"]+)[^]*x509: /,
    (host) => `the certificate of the registry ${host} is not trusted`,
  ],
];

/** Why an image could not be fetched, without the engine's account of every connection that it tried. */
export const fetchReason = (error: unknown): string => {
  const said = reasonOf(error);
  for (const [pattern, words] of FETCH_FAILURES) {
    const [, found] = pattern.exec(said) ?? [];
    if (found !== undefined) return words(found);
  }
  return said;
};
