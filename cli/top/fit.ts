/** A column of a table that must fit. */
export interface Column<T> {
  title: string;
  /** the higher, the earlier it goes when there is no room; 0 = it stays */
  goes: number;
  /** so much of it is enough, when there is no room; without: it is shown whole */
  least?: number;
  /** numbers end below each other */
  right?: true;
  of(row: T): string;
}

const GAP = '  ';
const CUT = '…';

/** What would move a terminal's cursor, or colour the rest of it. */
const CONTROL = /\p{Cc}/gu;

const lengthOf = (text: string): number => [...text].length;

/** At most so many columns. */
export const cut = (text: string, width: number): string => {
  const shown = text.replace(CONTROL, '?');
  return lengthOf(shown) <= width ? shown : [...shown].slice(0, Math.max(0, width - 1)).join('') + CUT;
};

interface Filled {
  goes: number;
  least: number;
  right: boolean;
  texts: string[];
  width: number;
}

const fill = <T>({ title, goes, least, right, of }: Column<T>, rows: readonly T[]): Filled => {
  const texts = [title, ...rows.map(of)];
  const width = Math.max(...texts.map(lengthOf));
  return { goes, least: Math.min(width, least ?? width), right: right === true, texts, width };
};

const total = (columns: readonly Filled[], measure: 'width' | 'least'): number =>
  columns.reduce((sum, column) => sum + column[measure], (columns.length - 1) * GAP.length);

/** Without those that can go, the least important first, until the others fit. */
const fitting = (columns: readonly Filled[], width: number): readonly Filled[] => {
  const first = Math.max(...columns.map(({ goes }) => goes));
  if (total(columns, 'least') <= width || first === 0) return columns;
  const at = columns.findIndex(({ goes }) => goes === first);
  return fitting(columns.toSpliced(at, 1), width);
};

/** Takes from the last columns first. */
const shrunk = (columns: readonly Filled[], width: number): readonly Filled[] => {
  let excess = Math.max(0, total(columns, 'width') - width);
  return columns
    .toReversed()
    .map((column) => {
      const kept = Math.max(column.least, column.width - excess);
      excess -= column.width - kept;
      return { ...column, width: kept };
    })
    .toReversed();
};

const pad = (text: string, { width, right }: Filled): string => {
  const shown = cut(text, width);
  const space = ' '.repeat(width - lengthOf(shown));
  return right ? space + shown : shown + space;
};

/** The lines of a table, its heading first, in at most `width` columns. Columns that say nothing are left out. */
export const fitTable = <T>(columns: readonly Column<T>[], rows: readonly T[], width: number): string[] => {
  const filled = columns
    .map((column) => fill(column, rows))
    .filter(({ texts }) => texts.slice(1).some((text) => text !== ''));
  if (filled.length === 0) return [];
  const shown = shrunk(fitting(filled, width), width);
  return Array.from({ length: rows.length + 1 }, (_, line) => {
    const texts = shown.map((column) => pad(column.texts[line] ?? '', column));
    return cut(texts.join(GAP).trimEnd(), width);
  });
};
