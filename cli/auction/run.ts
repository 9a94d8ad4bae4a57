import { dirname, resolve } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { readJson } from '../json-file.js';
import { printLists } from '../json-lines.js';

const USAGE = 'auction run FILE [--trace]';

const OPTIONS = { trace: { type: 'boolean' } } as const;

/** The scheduler is loaded by the one command that decides something itself. */
const loadAuctioneer = () => import('../../auctioneer/index.js');

const readScenarioFile = async (context: Context, file: string) => {
  const { readScenario } = await loadAuctioneer();
  const baseDir = file === '-' ? context.cwd : dirname(resolve(context.cwd, file));
  const read = readScenario(readJson(context, file), baseDir);
  if (read.ok) return read.value;
  const [first, ...others] = read.error;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new OutcryError('FILE_INVALID', { path: file, problem: `${first?.field} ${first?.problem}${more}` });
};

/** Decides a batch on paper: no API is asked, nothing is placed. */
export const run: Command = {
  name: 'run',
  usage: USAGE,
  summary: 'decide a batch on paper: cells and requests from a file, the decisions as JSON',
  options: [
    ['FILE', 'JSON {config, input}: docs/auction.md; - reads it from stdin'],
    ['--trace', 'also the scores that every decision compared'],
  ],
  async run(context, args) {
    const { values, positionals } = readArgs({ usage: USAGE, options: OPTIONS, words: ['FILE'] }, args);
    const scenario = await readScenarioFile(context, positionals[0] ?? '');
    const { loadScorer, runScenario } = await loadAuctioneer();
    const { policyModule } = scenario;
    const scorer =
      policyModule === undefined
        ? undefined
        : await loadScorer(policyModule, (reason) => context.note(`the policy throws: ${reason}`));
    const { report, trace } = runScenario(scenario, scorer);
    const { considered_order, placements, explanations } = report;
    await printLists(context, {
      considered_order,
      placements,
      explanations: { ...explanations },
      ...(values.trace === true && { trace: trace() }),
    });
    return 0;
  },
};
