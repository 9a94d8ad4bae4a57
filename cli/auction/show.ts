import type { Context } from '../context.js';

export const BASE = '/outcry/v1/auction';

/** As much of a batch's id as tells it from others. */
export const shortId = (id: string): string => id.slice(0, 8);

/** `2026-01-02 03:04:05Z` */
export const moment = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;

/** A count in a table: nothing where there is none. */
export const some = (count: number, unit = ''): string => (count === 0 ? '' : `${count}${unit}`);

/** `a, b and 3 more` */
export const names = (list: readonly string[], more: number): string =>
  list.join(', ') + (more === 0 ? '' : ` and ${more} more`);

export const printMore = (context: Context, count: number, what: string): void => {
  if (count > 0) context.print(`and ${count} more ${what}`);
};

export const printJson = (context: Context, value: unknown): void =>
  context.print(JSON.stringify(value, null, 2));

export const JSON_OPTION = ['--json', 'the whole answer as JSON'] as const;
