import type { Metrics } from '../../common/ports/metrics.js';

const SAMPLE = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)$/;

const read = (line: string): [string, number] => {
  const [, series, value] = SAMPLE.exec(line) ?? [];
  if (series === undefined) throw new Error(`no sample: ${line}`);
  return [series, Number(value)];
};

/** What a scrape shows, by series as Prometheus writes it: `RequestCount{route="Ping"}`. */
export const samplesIn = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(read),
  );

export const samplesOf = async (metrics: Pick<Metrics, 'scrape'>): Promise<Record<string, number>> =>
  samplesIn(await metrics.scrape());
