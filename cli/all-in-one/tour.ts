import type { Context } from '../context.js';
import { errorLine } from '../error-line.js';
import { defaultDataDir } from '../http/target.js';
import { answersFromAll, ensureHello, isRouted, waysTo } from './hello.js';
import { createSteps } from './steps.js';

/** A running system, seen from outside. */
export interface Tour {
  context: Context;
  /** where the command line finds the system; absolute */
  dataDir: string;
  /** of the API */
  url: string;
  routerPort: number;
  /** which runtime the cells use, and why; '' = their configurations say it */
  runtime: string;
  /** what else the user must know; '' = nothing */
  caveat: string;
}

/** Pushes the example, waits until every instance has answered, and prints what took how long. */
export const tourOnce = async ({
  context,
  routerPort,
  runtime,
  began,
}: Tour & {
  /** when the system began to start, on the context's clock */
  began: number;
}): Promise<void> => {
  const steps = createSteps(context, began);
  try {
    const site = await steps.run('push examples/hello', () => ensureHello(context));
    await steps.run(`every one of ${site.instances} instances answers`, () =>
      answersFromAll(context, site, routerPort),
    );
  } finally {
    if (runtime !== '') context.print(`runtime  ${runtime}\n`);
    steps.print();
  }
};

/** As a shell reads it. */
const quoted = (text: string): string =>
  /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** What to try first. Where the data are in another place than usual, the command line has to be told. */
export const firstSteps = (dataDir: string, usual: string): string[] => [
  ...(dataDir === usual ? [] : [`export OUTCRY_DATA=${quoted(dataDir)}`]),
  'npx outcry app hello',
  'npx outcry scale hello -i 5',
  'npx outcry logs hello --recent',
  'npx outcry push DIR',
];

/** Pushes the example and says what to try next; the system serves on whatever becomes of it. */
export const serve = async ({ context, dataDir, url, routerPort, runtime, caveat }: Tour): Promise<void> => {
  try {
    const site = await ensureHello(context);
    const ways = await waysTo(site, routerPort);
    // without an instance there is nothing to route to
    const routed = site.host === '' || site.instances === 0 || (await isRouted(context, site, routerPort));
    if (!routed)
      context.note(`the router does not know ${site.host} yet: npx outcry app hello says what it lacks`);
    context.print('');
    context.print(`hello    ${ways.join('\n         ')}`);
  } catch (error) {
    context.note(errorLine(error));
  }
  context.print(`API      ${url}`);
  if (runtime !== '') context.print(`runtime  ${runtime}`);
  if (caveat !== '') context.print(`note     ${caveat}`);
  const steps = firstSteps(dataDir, defaultDataDir(context.env)).map((step) => `  ${step}`);
  context.print(`
Try, in another terminal:
${steps.join('\n')}

Ctrl-C stops the containers and keeps what you want to run.`);
};
