const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  EMFILE: 'too many open files',
  ELOOP: 'links lead in a circle',
};

/** What went wrong with a file, in words. */
export const fileReason = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return REASONS[(error as Error & { code?: string }).code ?? ''] ?? error.message;
};
