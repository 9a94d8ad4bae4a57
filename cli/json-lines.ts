import type { Context } from './context.js';

type Lists = { readonly [name: string]: Iterable<unknown> | Lists };

const isLists = (value: Iterable<unknown> | Lists): value is Lists => !(Symbol.iterator in value);

/** Ends a line after each but the last. */
function* separated(parts: Iterable<string>): Generator<string> {
  let before: string | undefined;
  for (const part of parts) {
    if (before !== undefined) yield `${before},`;
    before = part;
  }
  if (before !== undefined) yield before;
}

function* asJson(list: Iterable<unknown>): Generator<string> {
  for (const entry of list) yield JSON.stringify(entry);
}

function* linesOf(lists: Lists, indent: string): Generator<string> {
  const names = Object.keys(lists);
  for (const [at, name] of names.entries()) {
    const value = lists[name] ?? [];
    const end = at === names.length - 1 ? '' : ',';
    const [open, close] = isLists(value) ? ['{', '}'] : ['[', ']'];
    yield `${indent}${JSON.stringify(name)}: ${open}`;
    if (isLists(value)) yield* linesOf(value, `${indent}  `);
    else for (const line of separated(asJson(value))) yield `${indent}  ${line}`;
    yield `${indent}${close}${end}`;
  }
}

/** Lines that are handed over at once. */
const TOGETHER = 500;

/**
 * Prints lists by name as JSON, with an entry to a line: they may be longer than one string can be, and are good to
 * search and compare.
 */
export const printLists = async (
  { print, drained }: Pick<Context, 'print' | 'drained'>,
  lists: Lists,
): Promise<void> => {
  let lines = ['{'];
  for (const line of linesOf(lists, '  ')) {
    lines.push(line);
    if (lines.length < TOGETHER) continue;
    print(lines.join('\n'));
    await drained();
    lines = [];
  }
  print([...lines, '}'].join('\n'));
};
