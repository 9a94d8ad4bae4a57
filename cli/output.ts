/** Columns aligned by spaces; the first row is the heading. */
export const table = (rows: readonly (readonly string[])[]): string => {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
};

export const bytes = (count: number): string => {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KB`;
  return `${(count / 1024 / 1024).toFixed(1)} MB`;
};

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
