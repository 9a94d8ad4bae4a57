import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadMain } from '../../cli/processes/components.js';
import { COMPONENTS } from '../../common/model/well-known.js';
import type { ConfigSchema } from '../../common/runtime/config.js';
import { packageRoot } from '../../common/runtime/package-root.js';

const FILE = join(packageRoot(), 'docs/reference/configuration.md');

const HEAD = `# Configuration

Each component reads one file, YAML or JSON: \`outcry bbs --config bbs.yml\`. \`outcry config init\` writes a whole
deployment's; \`outcry config check FILE…\` tells what is wrong in one, with line and field. Unknown keys are
errors. Relative paths count from the file.

- duration: \`250ms\`, \`10s\`, \`5m\`, \`1h\`, or a number of ms
- size: \`512M\`, \`2G\`
- door: where the component listens: \`{socket: PATH}\`, or \`{host, port, tls: {cert, key, ca}}\` (PEM files; clients
  show a certificate of \`ca\`). \`tls.clients\` is a list of roles of which there are \`bbs\`, \`auctioneer\`, \`cell\`,
  \`router\`, \`api\` and \`operator\`: only certificates with one of these as organizational unit (OU) are let in. Without
  that list, every certificate of \`ca\` is
- endpoint: where another one listens: \`{socket: PATH}\`, or \`{url: https://HOST:PORT, tls: {cert, key, ca}}\`
`;

interface Row {
  key: string;
  type: string;
  default: string;
  meaning: string;
}

const isDoor = (schema: ConfigSchema): boolean => Boolean(schema.properties?.['socket']);

const numberOf = ({ type, minimum, maximum }: ConfigSchema): string => {
  const most = maximum !== undefined && maximum < 2 ** 31 - 1 ? ` to ${maximum}` : '';
  const word = type === 'integer' ? 'whole number' : 'number';
  return minimum === undefined ? word : `${word} from ${minimum}${most}`;
};

const typeOf = (schema: ConfigSchema): string => {
  if (schema.duration) return 'duration';
  if (schema.megabytes) return 'size';
  if (schema.megabytesOrNone) return 'size, or 0';
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (isDoor(schema)) return schema.properties?.['host'] ? 'door' : 'endpoint';
  if (schema.type === 'array') return 'list';
  if (schema.type === 'object') return 'mapping';
  if (schema.type === 'integer' || schema.type === 'number') return numberOf(schema);
  if (schema.type === 'boolean') return 'true, false';
  return schema.filePath ? 'path' : 'text';
};

const shown = (value: unknown, required: boolean): string => {
  if (value === undefined) return required ? 'required' : '–';
  return value === '' ? 'empty' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
};

const isGroup = (schema: ConfigSchema): boolean => schema.properties !== undefined && !isDoor(schema);

const rowsOf = (schema: ConfigSchema, defaults: Record<string, unknown>, prefix = ''): Row[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const [key, value] = [`${prefix}${name}`, defaults[name]];
    const required = schema.required?.includes(name) === true;
    const meaning = property.description ?? '';
    if (!isGroup(property))
      return [{ key, type: typeOf(property), default: shown(value, required), meaning }];
    const inner = rowsOf(property, (value ?? {}) as Record<string, unknown>, `${key}.`);
    return [{ key, type: 'mapping', default: value === undefined ? '–' : '', meaning }, ...inner];
  });

const cell = (text: string): string => text.replaceAll('|', '\\|');

const table = (rows: Row[]): string =>
  `| key | type | default | meaning |\n| --- | --- | --- | --- |\n${rows
    .map((row) => `| \`${row.key}\` | ${cell(row.type)} | ${cell(row.default)} | ${cell(row.meaning)} |\n`)
    .join('')}`;

const sections = async (): Promise<{ name: string; rows: Row[] }[]> =>
  Promise.all(
    COMPONENTS.map(async (name) => {
      const { schema, defaults } = (await loadMain(name)).config;
      return { name, rows: rowsOf(schema, defaults as Record<string, unknown>) };
    }),
  );

t.test('docs - configuration.md is what the schemas say, no more and no less', async (t) => {
  const all = await sections();
  const rendered = HEAD + all.map(({ name, rows }) => `\n## ${name}\n\n${table(rows)}`).join('');
  // after a change of a schema: UPDATE_DOCS=1 npm test -- docs/configuration
  if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, rendered);
  t.equal(readFileSync(FILE, 'utf8'), rendered);
});

t.test('docs - every key says what it means', async (t) => {
  for (const { name, rows } of await sections()) {
    for (const { key, meaning } of rows) t.not(meaning, '', `${name}: ${key}`);
  }
});
