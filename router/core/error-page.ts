import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { isSafePlace } from './html-place.js';
import { headerValue } from './request-headers.js';
import type { RawHeaders } from './request-headers.js';

/** What a page tells. */
export interface ErrorFacts {
  readonly status: number;
  readonly statusText: string;
  readonly message: string;
  /** of the answer itself */
  readonly headers: RawHeaders;
}

/** HTML instead of a line of text, for the router's own answers. */
export type ErrorPage = (facts: ErrorFacts) => string;

type Value = (facts: ErrorFacts) => string | number;
type Condition = (facts: ErrorFacts) => boolean;

interface Token {
  /** what stands before the action */
  readonly text: string;
  /** undefined at the end of the template */
  readonly action: string | undefined;
  /** counted from 1 */
  readonly line: number;
}

class Invalid extends Error {}

const ACTION = /\{\{(?:-(?=\s))?\s*(\/\*[^]*?\*\/|(?:"[^"\n]*"|`[^`]*`|[^"`])*?)\s*(?:(?<=\s)-)?\}\}/y;

const lineAt = (template: string, at: number): number => template.slice(0, at).split('\n').length;

/** Splits at the actions; `{{- ` and ` -}}` take the white space beside them away, as Go's templates have it. */
const tokensOf = (template: string): Token[] => {
  const tokens: Token[] = [];
  let [from, trimsStart] = [0, false];
  for (;;) {
    const at = template.indexOf('{{', from);
    const text = template.slice(from, at === -1 ? undefined : at);
    const started = trimsStart ? text.trimStart() : text;
    const line = lineAt(template, at === -1 ? template.length : at);
    if (at === -1) return [...tokens, { text: started, action: undefined, line }];
    ACTION.lastIndex = at;
    const found = ACTION.exec(template);
    if (!found) throw new Invalid(`line ${line}: an action that does not end`);
    const trimsEnd = /^\{\{-\s/.test(found[0]);
    tokens.push({ text: trimsEnd ? started.trimEnd() : started, action: found[1] ?? '', line });
    trimsStart = /\s-\}\}$/.test(found[0]);
    from = ACTION.lastIndex;
  }
};

const FIELDS: Readonly<Record<string, Value>> = {
  '.Status': ({ status }) => status,
  '.StatusText': ({ statusText }) => statusText,
  '.Message': ({ message }) => message,
};

const OPERAND =
  /^(?:(\.[A-Z]\w*)(?:\.Get\s+(?:"([^"\\]*)"|`([^`]*)`))?|"([^"\\]*)"|`([^`]*)`|(\d+))(?:\s+|$)/;

/** One operand at the beginning, and what follows it. */
const readOperand = (text: string): { value: Value; rest: string } | undefined => {
  const found = OPERAND.exec(text);
  if (!found) return undefined;
  const [all, field, quotedName, rawName, quoted, raw, number] = found;
  const rest = text.slice(all.length);
  const name = (quotedName ?? rawName)?.toLowerCase();
  if (field === '.Header' && name !== undefined) {
    return { value: ({ headers }) => headerValue(headers, name), rest };
  }
  if (field !== undefined) {
    const value = name === undefined ? FIELDS[field] : undefined;
    return value && { value, rest };
  }
  const constant = number === undefined ? (quoted ?? raw ?? '') : Number(number);
  return { value: () => constant, rest };
};

const readOperands = (text: string): Value[] | undefined => {
  const values: Value[] = [];
  for (let rest = text; rest !== '';) {
    const operand = readOperand(rest);
    if (!operand) return undefined;
    values.push(operand.value);
    rest = operand.rest;
  }
  return values;
};

const readCondition = (text: string): Condition | undefined => {
  const [, word = '', operands = ''] = /^(?:(eq|ne|not)\s+)?([^]*)$/.exec(text) ?? [];
  const [first, ...others] = readOperands(operands) ?? [];
  if (!first || (word === 'eq' || word === 'ne') === (others.length === 0)) return undefined;
  if (word === 'eq') return (facts) => others.some((other) => other(facts) === first(facts));
  if (word === 'ne') {
    return others.length > 1 ? undefined : (facts) => others.every((other) => other(facts) !== first(facts));
  }
  const holds: Condition = (facts) => Boolean(first(facts));
  return word === 'not' ? (facts) => !holds(facts) : holds;
};

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
  '\0': '\uFFFD',
};

const escaped = (text: string): string => text.replace(/[&<>"'\0]/g, (char) => ENTITIES[char] ?? char);

/** Reads a template by recursive descent; `before` is what has been read, as far as it is text. */
const createReader = (tokens: readonly Token[]) => {
  let [at, before] = [0, ''];

  const fail = ({ action = '', line }: Token, problem: string): Invalid =>
    new Invalid(`line ${line}: ${problem}: {{${action}}}`);

  const readValue = (token: Token): ErrorPage => {
    const [value, ...others] = readOperands(token.action ?? '') ?? [];
    if (!value || others.length > 0) throw fail(token, 'no action that the router knows');
    if (!isSafePlace(before)) throw fail(token, 'no place where text of others is safe');
    return (facts) => escaped(String(value(facts)));
  };

  const readIf = (token: Token, text: string): ErrorPage => {
    const condition = readCondition(text);
    if (!condition) throw fail(token, 'no condition that the router knows');
    const { page: then, end } = readList(true);
    let otherwise: ErrorPage = () => '';
    if (end.action === 'else') otherwise = readElse(token);
    else if (end.action !== 'end') otherwise = readIf(end, (end.action ?? '').replace(/^else\s+if\s+/, ''));
    return (facts) => (condition(facts) ? then(facts) : otherwise(facts));
  };

  const readElse = (token: Token): ErrorPage => {
    const { page, end } = readList(true);
    if (end.action !== 'end') throw fail(token, 'an else that nothing ends');
    return page;
  };

  /** up to the action that ends it: `end`, `else`, `else if …`, or the end of the template */
  const readList = (isInner: boolean): { page: ErrorPage; end: Token } => {
    const parts: ErrorPage[] = [];
    const page: ErrorPage = (facts) => parts.map((part) => part(facts)).join('');
    for (let token = tokens[at]; token; token = tokens[at]) {
      const { action, text } = token;
      at += 1;
      before += text;
      parts.push(() => text);
      const ends = action === undefined || /^(end|else|else\s+if\s[^]*)$/.test(action);
      if (ends && isInner === (action === undefined)) {
        throw fail(token, isInner ? 'an if that nothing ends' : 'nothing is to be ended here');
      }
      if (ends) return { page, end: token };
      if (action.startsWith('/*')) continue;
      const condition = /^if\s+([^]*)$/.exec(action)?.[1];
      parts.push(condition === undefined ? readValue(token) : readIf(token, condition));
    }
    throw new Invalid('the template has no end');
  };

  return { read: (): ErrorPage => readList(false).page };
};

/**
 * Compiles a template in the part of Go's language that pages of errors need: `.Status`, `.StatusText`, `.Message`,
 * `.Header.Get "NAME"`, `if` with `eq`, `ne` and `not`, comments and trimmed white space. Values are escaped, and
 * have no place in scripts, styles and addresses. What is wrong is told by line.
 */
export const compileErrorPage = (template: string): Result<ErrorPage, string> => {
  try {
    return ok(createReader(tokensOf(template)).read());
  } catch (error) {
    if (error instanceof Invalid) return err(error.message);
    throw error;
  }
};
