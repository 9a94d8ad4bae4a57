/** Waits until `check` stops throwing and returns neither false nor undefined; fails with its last error at the deadline. */
export const eventually = async <T>(
  check: () => T | Promise<T>,
  options: { timeoutMs?: number; what?: string } = {},
): Promise<NonNullable<Exclude<T, false>>> => {
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  let last: unknown = new Error('never true');
  for (;;) {
    try {
      const value = await check();
      if (value !== false && value !== undefined && value !== null) {
        return value as NonNullable<Exclude<T, false>>;
      }
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${options.timeoutMs ?? 10_000} ms: ${options.what ?? check.toString()}`, {
        cause: last,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
