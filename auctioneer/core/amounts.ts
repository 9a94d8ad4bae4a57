import { MAX_INT32 } from '../../common/model/read.js';

/** The largest amount of anything: MB, milli-CPU, containers, instances, an index. */
export const MAX_AMOUNT = MAX_INT32;

export const isAmount = (value: number): boolean =>
  Number.isInteger(value) && value >= 0 && value <= MAX_AMOUNT;
