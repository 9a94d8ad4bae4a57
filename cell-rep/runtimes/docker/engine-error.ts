/** HTTP status of the engine's answer; 0 when there was none. */
export const statusOf = (error: unknown): number =>
  (error as { statusCode?: number } | undefined)?.statusCode ?? 0;

/** What the engine says, without the client's words around it. */
export const reasonOf = (error: unknown): string => {
  const { json, message } = error as { json?: { message?: unknown }; message?: string };
  return typeof json?.message === 'string' ? json.message : (message ?? String(error));
};

/** For what may be gone, or done, already. */
export const unless = async (statuses: readonly number[], work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (!statuses.includes(statusOf(error))) throw error;
  }
};
