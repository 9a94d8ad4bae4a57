import { readArgs, readCount } from '../args.js';
import { JSON_OPTION, printJson } from '../auction/show.js';
import { type Command, type Context, pause } from '../context.js';
import type { Screen } from '../screen.js';
import { type View, createReader } from '../top/read.js';
import { render } from '../top/render.js';

const USAGE = 'top [--every SECONDS] [--once] [--json]';
const EVERY_SECONDS = 2;
const MAX_SECONDS = 3_600;
/** A system that takes its time to answer is asked less often: for no more than a tenth of the time. */
const REST = 9;
/** Batches that a single look shows. */
const FEW = 10;

const OPTIONS = {
  every: { type: 'string' },
  once: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const HINT = 'q ends';
const CTRL_C = '\u0003';

const follow = async (context: Context, screen: Screen, everyMs: number): Promise<void> => {
  const read = createReader(context);
  let view: View | undefined;
  const draw = (): void =>
    shown.draw(view === undefined ? ['outcry top'] : render(view, screen.size(), HINT));
  const shown = screen.open({
    key: (key) => (key === 'q' || key === CTRL_C) && context.interrupt(),
    resize: draw,
  });
  try {
    for (;;) {
      const began = context.elapsed();
      view = await read();
      draw();
      await pause(context, Math.max(everyMs, REST * (context.elapsed() - began)));
    }
  } catch (error) {
    if (!context.interrupted.aborted) throw error;
  } finally {
    shown.close();
  }
};

const withFewBatches = ({ batches, ...view }: View): View => {
  if (batches.value === undefined) return { ...view, batches };
  const { value } = batches;
  return { ...view, batches: { ...batches, value: { ...value, batches: value.batches.slice(0, FEW) } } };
};

/** What could not be read is null, with the reason among the problems. */
const asJson = ({ at, cells, batches, waiting }: View) => ({
  at,
  cells: cells.value?.map(({ cell_id, presence, state }) => ({ cell_id, presence, state })) ?? null,
  batches: batches.value ?? null,
  waiting: waiting.value ?? null,
  problems: [cells, batches, waiting].flatMap(({ problem }) => problem ?? []),
});

export const top: Command = {
  name: 'top',
  usage: USAGE,
  summary: 'watch the cells, the latest batches, and what waits for a place and why; q ends it',
  options: [
    ['--every SECONDS', `how often it looks; without: ${EVERY_SECONDS}, less often when answers take long`],
    ['--once', 'one look, as text; so it is where stdout is no terminal'],
    JSON_OPTION,
  ],
  async run(context, args) {
    const { values } = readArgs({ usage: USAGE, options: OPTIONS, words: [] }, args);
    const seconds =
      readCount(values.every, { name: '--every', min: 1, max: MAX_SECONDS, usage: USAGE }) ?? EVERY_SECONDS;
    const { screen } = context;
    if (screen !== undefined && values.once !== true && values.json !== true) {
      await follow(context, screen, seconds * 1000);
      return 0;
    }
    const view = await createReader(context)();
    if (values.json === true) printJson(context, asJson(view));
    else {
      const columns = screen?.size().columns ?? Infinity;
      context.print(render(withFewBatches(view), { columns, rows: Infinity }).join('\n'));
    }
    return 0;
  },
};
