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
