import type { NearestMiss, Refusal } from './bids.js';

/** Why work has no place, in a form for people: "insufficient resources: memory (cell-1 comes nearest: 64 MB of memory short)". */
export const explainFailure = ({ reason, nearest }: Refusal): string => {
  const short = nearest === undefined ? '' : shortOf(nearest);
  return nearest === undefined || short === ''
    ? reason
    : `${reason} (${nearest.cellId} comes nearest: ${short} short)`;
};

const shortOf = (miss: NearestMiss): string =>
  [
    miss.memoryMb > 0 ? `${miss.memoryMb} MB of memory` : '',
    miss.diskMb > 0 ? `${miss.diskMb} MB of disk` : '',
    miss.cpuMilli > 0 ? `${miss.cpuMilli} milli-CPU` : '',
    miss.containers > 0 ? `${miss.containers} container` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
