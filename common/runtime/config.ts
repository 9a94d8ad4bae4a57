import { resolve } from 'node:path';
import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { OutcryError } from '../model/errors.js';
import { nearest } from '../model/nearest.js';
import { err, ok } from '../model/result.js';
import type { Result } from '../model/result.js';
import { parseDuration, parseMegabytes } from '../model/units.js';

export interface ConfigProblem {
  /** where it was read: a file, 'environment', 'command line' */
  source: string;
  /** path of the field: `http.port`, `servers[0]`; '' = the whole */
  field: string;
  /** the same as keys and positions, to find it in a file */
  path: readonly string[];
  /** what is wrong: "must be a number", "unknown key" … never the value, which may be a secret */
  problem: string;
  /** for an unknown key: the known one that was probably meant */
  nearest?: string;
}

/** All of a configuration's fields optional, at every depth: what a user may write. */
export type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T;

/** Reports what no schema can say, such as two fields that exclude each other. */
export type ReportProblem = (field: string, problem: string) => void;

export interface ConfigDefinition<Full, Compiled> {
  /**
   * JSON schema of the configuration with its defaults in place. Objects should refuse
   * `additionalProperties`. Besides the standard's, it knows the keywords of DURATION, MEGABYTES,
   * SIZE_OR_NONE and FILE_PATH.
   */
  schema: ConfigSchema;
  /** fields without a default are either `required` in the schema or optional in `Full` */
  defaults: DeepPartial<Full>;
  /** units resolved, everything decided; called with valid input only */
  compile(full: Full, report: ReportProblem): Compiled;
}

export interface ParseOptions {
  /** what relative paths (FILE_PATH) are relative to; without, they stay as they are */
  baseDir?: string;
}

export interface Config<Compiled> {
  readonly schema: ConfigSchema;
  readonly defaults: object;
  /** the last of the three stages alone: for values that the schema has accepted, defaults in place */
  compile(full: object, report: ReportProblem): Compiled;
  parse(raw: unknown, source: string, options?: ParseOptions): Result<Compiled, ConfigProblem[]>;
}

/** The parts of a schema that are walked here, and of which docs/reference/configuration.md is made. */
export interface ConfigSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, ConfigSchema>>;
  readonly additionalProperties?: boolean | ConfigSchema;
  readonly items?: ConfigSchema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly duration?: true;
  readonly megabytes?: true;
  readonly megabytesOrNone?: true;
  readonly filePath?: true;
  readonly [keyword: string]: unknown;
}

/** `HOST:PORT`, or `HOST` for each of its ports, as `isAllowedHost` takes them: for lists of hosts. */
export const HOST_PATTERN = '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9][A-Za-z0-9.-]*)(:\\d{1,5})?$';

/** Schema of a duration; compile it with `toMs`. */
export const DURATION = { duration: true } as const;
/** Schema of a size; compile it with `toMegabytes`. */
export const MEGABYTES = { megabytes: true } as const;
/** Schema of a size that may be 0; compile it with `toMegabytesOrNone`. */
export const SIZE_OR_NONE = { megabytesOrNone: true } as const;
/** Schema of the path of a file or directory; relative ones count from the configuration file. */
export const FILE_PATH = { type: 'string', minLength: 1, filePath: true } as const;
/** Schema of a TCP port; 0 = any free one. */
export const PORT = { type: 'integer', minimum: 0, maximum: 65_535 } as const;

const checked = <T>(result: Result<T, string>): T => {
  if (!result.ok) throw new TypeError(`not checked by the schema: ${result.error}`);
  return result.value;
};

/** ms of a value that its schema (DURATION) has accepted. */
export const toMs = (value: string | number): number => checked(parseDuration(value));
/** MB of a value that its schema (MEGABYTES) has accepted. */
export const toMegabytes = (value: string): number => checked(parseMegabytes(value));

const parseMegabytesOrNone = (value: unknown): Result<number, string> => {
  if (value === 0 || value === '0') return ok(0);
  const size = parseMegabytes(value);
  return size.ok ? size : err(`${size.error}, or 0`);
};
/** MB of a value that its schema (SIZE_OR_NONE) has accepted. */
export const toMegabytesOrNone = (value: string | number): number => checked(parseMegabytesOrNone(value));

/** A keyword whose problem is what `parse` says of the value. */
const parsedKeyword = (keyword: string, parse: (value: unknown) => Result<number, string>) => {
  const validate = (_: unknown, value: unknown): boolean => {
    const result = parse(value);
    validate.errors = result.ok ? [] : [{ keyword, message: result.error, params: {} }];
    return result.ok;
  };
  validate.errors = [] as Partial<ErrorObject>[];
  return { keyword, validate, errors: true, schemaType: 'boolean' } as const;
};

const createValidator = (schema: ConfigSchema): ValidateFunction =>
  // verbose: problems carry the schema around them, which holds the known keys
  new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true })
    .addKeyword(parsedKeyword('duration', parseDuration))
    .addKeyword(parsedKeyword('megabytes', parseMegabytes))
    .addKeyword(parsedKeyword('megabytesOrNone', parseMegabytesOrNone))
    .addKeyword({ keyword: 'filePath', schemaType: 'boolean' })
    .compile(schema);

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is given wins; objects are merged, lists replaced. */
const withDefaults = (given: unknown, defaults: unknown): unknown => {
  if (given === undefined) return structuredClone(defaults);
  if (!isPlain(given) || !isPlain(defaults)) return given;
  const keys = new Set([...Object.keys(defaults), ...Object.keys(given)]);
  return Object.fromEntries(
    [...keys].flatMap((key) => {
      const value = withDefaults(given[key], defaults[key]);
      return value === undefined ? [] : [[key, value]];
    }),
  );
};

/** `/servers/0/url` → `servers`, `0`, `url`; `key` is a member of what the pointer names. */
const pathOf = (pointer: string, key?: string): string[] => {
  const names = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return key === undefined ? names : [...names, key];
};

/** `servers[0].url` */
const fieldOf = (path: readonly string[]): string =>
  path.reduce((field, name) => {
    if (/^\d+$/.test(name)) return `${field}[${name}]`;
    return field === '' ? name : `${field}.${name}`;
  }, '');

type Found = Omit<ConfigProblem, 'source' | 'field'>;

const unknownKey = (error: ErrorObject, key: string): Found => {
  const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
  const meant = nearest(key, known);
  const problem = { path: pathOf(error.instancePath, key), problem: 'unknown key' };
  return meant === undefined ? problem : { ...problem, nearest: meant };
};

const describe = (error: ErrorObject): Found => {
  const { keyword, instancePath, params } = error;
  const path = pathOf(instancePath);
  switch (keyword) {
    case 'additionalProperties':
      return unknownKey(error, String(params['additionalProperty']));
    case 'required':
      return { path: pathOf(instancePath, String(params['missingProperty'])), problem: 'is missing' };
    case 'enum':
      return { path, problem: `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}` };
    default:
      return { path, problem: error.message ?? 'is not valid' };
  }
};

/** One line for people: `outcry.yml: htpp: unknown key; did you mean "http"?` */
export const formatProblem = ({ source, field, problem, nearest: meant }: ConfigProblem): string => {
  const where = field === '' ? source : `${source}: ${field}`;
  return `${where}: ${problem}${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
};

/** The error to end with when a configuration has problems: the first one, and how many more there are. */
export const configError = (problems: readonly ConfigProblem[]): OutcryError => {
  const [first, ...others] = problems;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const problem = first === undefined ? 'not valid' : formatProblem(first);
  return new OutcryError('CONFIG_INVALID', { problem: problem + more });
};

const located = (source: string, found: Found): ConfigProblem => ({
  source,
  field: fieldOf(found.path),
  ...found,
});

/** Paths that the schema knows as such, made absolute. */
const resolvePaths = (schema: ConfigSchema | undefined, value: unknown, baseDir: string): unknown => {
  if (schema === undefined) return value;
  if (schema.filePath && typeof value === 'string' && value !== '') return resolve(baseDir, value);
  if (Array.isArray(value)) return value.map((item) => resolvePaths(schema.items, item, baseDir));
  if (!isPlain(value)) return value;
  const others = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      resolvePaths(schema.properties?.[key] ?? others, item, baseDir),
    ]),
  );
};

/**
 * A configuration in three stages: what users write is checked against the schema with the defaults in
 * place, then compiled into what code reads: no optional fields for which there is a default, no units.
 */
export const defineConfig = <Full extends object, Compiled>(
  definition: ConfigDefinition<Full, Compiled>,
): Config<Compiled> => {
  const { schema, defaults } = definition;
  let validator: ValidateFunction | undefined;
  const compile = (full: object, report: ReportProblem): Compiled => definition.compile(full as Full, report);
  return {
    schema,
    defaults,
    compile,
    parse(raw, source, { baseDir } = {}) {
      const given = withDefaults(raw ?? undefined, defaults);
      const full = baseDir === undefined ? given : resolvePaths(schema, given, baseDir);
      validator ??= createValidator(schema);
      if (!validator(full)) {
        return err((validator.errors ?? []).map((error) => located(source, describe(error))));
      }
      const problems: ConfigProblem[] = [];
      const compiled = compile(full as object, (field, problem) =>
        problems.push(located(source, { path: field.split('.'), problem })),
      );
      return problems.length > 0 ? err(problems) : ok(compiled);
    },
  };
};

type Parts = Readonly<Record<string, Config<unknown>>>;
type CompiledParts<P extends Parts> = { [K in keyof P]: P[K] extends Config<infer C> ? C : never };

/** Configurations whose keys stand side by side in one file; they must share none. */
export const joinConfigs = <P extends Parts>(parts: P): Config<CompiledParts<P>> => {
  const all = Object.values(parts);
  return defineConfig<object, CompiledParts<P>>({
    schema: {
      type: 'object',
      additionalProperties: false,
      required: all.flatMap(({ schema }) => schema.required ?? []),
      properties: Object.assign({}, ...all.map(({ schema }) => schema.properties)) as Record<
        string,
        ConfigSchema
      >,
    },
    defaults: Object.assign({}, ...all.map(({ defaults }) => defaults)) as object,
    compile: (full, report) =>
      Object.fromEntries(
        Object.entries(parts).map(([name, part]) => [name, part.compile(full, report)]),
      ) as CompiledParts<P>,
  });
};
