import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';
import { cfFailure, codedFailure } from '../core/failure.js';
import { baseUrl, sendFailures } from './respond.js';

/** Lists as Cloud Controller gives them: filters of comma-separated values, order, pages. */
export interface ListSpec<T> {
  /** parameter → the values of a row that are compared with those asked for */
  filters: Record<string, (row: T) => string | readonly string[]>;
  /** what `order_by` may name; the first is the default */
  orders: Record<string, (row: T) => string | number>;
  present: (row: T) => unknown;
}

/** As Cloud Controller's. */
const DEFAULT_PER_PAGE = 50;
const MAX_PER_PAGE = 5000;
const COMMON = ['page', 'per_page', 'order_by', 'include'];

type Query = Record<string, string>;

const queryOf = (request: FastifyRequest): Query =>
  Object.fromEntries(
    Object.entries(request.query as Record<string, string | string[]>).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  );

/** A comma within a value is encoded twice: split first, then decode once more. */
const valuesOf = (text: string): string[] =>
  text.split(',').map((value) => {
    try {
      return decodeURIComponent(value);
    } catch {
      return value;
    }
  });

const badQuery = (detail: string): { ok: false; error: ApiFailure[] } =>
  err([cfFailure('BadQueryParameter', `The query parameter is invalid: ${detail}`)]);

const numberOf = (query: Query, name: string, fallback: number, most: number): number | undefined => {
  const given = query[name];
  if (given === undefined) return fallback;
  const value = Number(given);
  return /^\d{1,9}$/.test(given) && value >= 1 && value <= most ? value : undefined;
};

/** How many of the newest are asked for, where there are no pages. */
export const limitIn = (
  request: FastifyRequest,
  { fallback, most }: { fallback: number; most: number },
): Result<number, ApiFailure[]> => {
  const { limit } = request.query as Record<string, unknown>;
  if (limit === undefined) return ok(fallback);
  const value = Number(limit);
  if (Number.isInteger(value) && value >= 1 && value <= most) return ok(value);
  const reason = `must be a whole number from 1 to ${most}`;
  return err([codedFailure('API_BODY_INVALID', { field: 'limit', reason })]);
};

interface Page {
  page: number;
  perPage: number;
}

const pageOf = (query: Query): Result<Page, ApiFailure[]> => {
  const page = numberOf(query, 'page', 1, 1e9);
  const perPage = numberOf(query, 'per_page', DEFAULT_PER_PAGE, MAX_PER_PAGE);
  if (page === undefined) return badQuery('Page must be a positive integer');
  if (perPage === undefined) return badQuery(`Per page must be between 1 and ${MAX_PER_PAGE}`);
  return ok({ page, perPage });
};

const filtered = <T>(rows: Iterable<T>, query: Query, spec: ListSpec<T>): T[] => {
  const tests = Object.entries(spec.filters).flatMap(([name, read]) => {
    const asked = query[name];
    if (asked === undefined) return [];
    const wanted = new Set(valuesOf(asked));
    return [
      (row: T): boolean => {
        const has = read(row);
        return typeof has === 'string' ? wanted.has(has) : has.some((value) => wanted.has(value));
      },
    ];
  });
  return [...rows].filter((row) => tests.every((test) => test(row)));
};

const ordered = <T>(rows: T[], query: Query, spec: ListSpec<T>): Result<T[], ApiFailure[]> => {
  const asked = query['order_by'] ?? Object.keys(spec.orders)[0] ?? '';
  const descending = asked.startsWith('-');
  const name = asked.replace(/^[-+]/, '');
  const read = Object.hasOwn(spec.orders, name) ? spec.orders[name] : undefined;
  if (!read) return badQuery(`Order by can only be: ${Object.keys(spec.orders).join(', ')}`);
  const sign = descending ? -1 : 1;
  return ok(
    rows.sort((a, b) => {
      const [x, y] = [read(a), read(b)];
      return x < y ? -sign : x > y ? sign : 0;
    }),
  );
};

const pagination = (request: FastifyRequest, query: Query, shape: Page & { total: number }) => {
  const { page, perPage, total } = shape;
  const pages = Math.max(1, Math.ceil(total / perPage));
  const path = request.url.split('?')[0] ?? '';
  const link = (at: number) => {
    const parameters = new URLSearchParams({ ...query, page: String(at), per_page: String(perPage) });
    return { href: `${baseUrl(request)}${path}?${parameters.toString()}` };
  };
  return {
    total_results: total,
    total_pages: pages,
    first: link(1),
    last: link(pages),
    next: page < pages ? link(page + 1) : null,
    previous: page > 1 ? link(page - 1) : null,
  };
};

const unknownParameters = <T>(query: Query, spec: ListSpec<T>): string[] =>
  Object.keys(query).filter((name) => !COMMON.includes(name) && !Object.hasOwn(spec.filters, name));

export const sendList = <T>(
  request: FastifyRequest,
  reply: FastifyReply,
  list: { rows: Iterable<T>; spec: ListSpec<T> },
): FastifyReply => {
  const { rows, spec } = list;
  const query = queryOf(request);
  const unknown = unknownParameters(query, spec);
  if (unknown.length > 0) {
    const valid = [...COMMON, ...Object.keys(spec.filters)].map((name) => `'${name}'`).join(', ');
    const names = unknown.map((name) => `'${name}'`).join(', ');
    return sendFailures(
      reply,
      badQuery(`Unknown query parameter(s): ${names}. Valid parameters are: ${valid}`).error,
    );
  }
  const page = pageOf(query);
  if (!page.ok) return sendFailures(reply, page.error);
  const sorted = ordered(filtered(rows, query, spec), query, spec);
  if (!sorted.ok) return sendFailures(reply, sorted.error);
  const { perPage } = page.value;
  const from = (page.value.page - 1) * perPage;
  return reply.send({
    pagination: pagination(request, query, { ...page.value, total: sorted.value.length }),
    resources: sorted.value.slice(from, from + perPage).map(spec.present),
  });
};

/** Rows of a table, for lists. */
export const rowsOf = function* <T>(table: { entries(): Iterable<[string, T]> }): Generator<T> {
  for (const [, row] of table.entries()) yield row;
};

/** An empty list of what is not there yet, which clients ask for all the same; any filter passes. */
export const sendEmptyList = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const query = queryOf(request);
  const page = pageOf(query);
  if (!page.ok) return sendFailures(reply, page.error);
  return reply.send({ pagination: pagination(request, query, { ...page.value, total: 0 }), resources: [] });
};

type Dated = { createdAt: string; guid: string };
export const byDate = {
  created_at: (row: Dated): string => `${row.createdAt} ${row.guid}`,
  updated_at: (row: Dated & { updatedAt?: string }): string =>
    `${row.updatedAt ?? row.createdAt} ${row.guid}`,
};
