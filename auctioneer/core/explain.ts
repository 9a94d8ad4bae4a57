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

/** What would make a cell fit: "cell-7 fits if it asks 64 MB less memory". */
export const explainShortage = (miss: NearestMiss): string => {
  const less = [
    miss.memoryMb > 0 ? `${miss.memoryMb} MB less memory` : '',
    miss.diskMb > 0 ? `${miss.diskMb} MB less disk` : '',
    miss.cpuMilli > 0 ? `${miss.cpuMilli} milli-CPU less` : '',
  ].filter((part) => part !== '');
  const conditions = [
    ...(less.length > 0 ? [`if it asks ${less.join(' and ')}`] : []),
    ...(miss.containers > 0 ? [`once ${miss.containers} of its containers ended`] : []),
  ];
  return `${miss.cellId} fits ${conditions.join(' and ')}`;
};
