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

/** A table without the columns in which no row below the heading says anything. */
export const compactTable = ([heading = [], ...rows]: readonly (readonly string[])[]): string => {
  const used = heading.map((_, at) => at).filter((at) => rows.some((row) => (row[at] ?? '') !== ''));
  return table([heading, ...rows].map((row) => used.map((at) => row[at] ?? '')));
};

/** Words in lines of at most `width` columns; a longer word has a line of its own. */
export const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length > width) lines.push(word);
    else lines.splice(-1, 1, longer);
  }
  return lines;
};

/** A term takes no more of a line than this; the meaning of a longer one begins below it. */
const TERM_COLUMNS = 34;
const INDENT = '  ';
const GAP = 3;

/** Terms and what they mean, within `width` columns. */
export const glossary = (rows: readonly (readonly [string, string])[], width: number): string => {
  const terms = rows.map(([term]) => term.length).filter((length) => length <= TERM_COLUMNS);
  const left = Math.max(0, ...terms) + GAP;
  const meaning = (text: string): string[] => wrap(text, width - INDENT.length - left);
  const lines = rows.flatMap(([term, text]) => {
    const [first = '', ...rest] = meaning(text);
    const below = rest.map((line) => ' '.repeat(left) + line);
    if (term.length <= TERM_COLUMNS) return [term.padEnd(left) + first, ...below];
    return [...wrap(term, width - INDENT.length), ' '.repeat(left) + first, ...below];
  });
  return lines.map((line) => INDENT + line).join('\n');
};

export const bytes = (count: number): string => {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KB`;
  return `${(count / 1024 / 1024).toFixed(1)} MB`;
};

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** How long something has lasted: `12 s`, `5 min 3 s`, `2 h 10 min`, `3 d 4 h`. */
export const duration = (totalSeconds: number): string => {
  const whole = Math.max(0, Math.floor(totalSeconds));
  const [days, hours] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24];
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
};

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** A command of several lines, as one. */
export const oneLine = (command: string): string =>
  command
    .split('\n')
    .filter((line) => !line.startsWith('export PATH='))
    .join('; ');
