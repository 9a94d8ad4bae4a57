/**
 * The messages of Mesos's v1 API. Written from the .proto files of this folder: names of fields in camelCase, ids as
 * messages of one value, enums as their names, 64-bit integers as bigint, bytes as Uint8Array. After decoding, optional
 * fields that were not sent are absent (their defaults are not filled in), and lists and maps are always there.
 */
import type { MesosMessages } from './messages/table.js';

export type * from './messages/cluster.js';
export type * from './messages/containers.js';
export type * from './messages/executor.js';
export type * from './messages/operator-views.js';
export type * from './messages/operator.js';
export type * from './messages/scheduler.js';
export type * from './messages/table.js';
export type * from './messages/tasks.js';
export type * from './messages/values.js';

export type MesosName = keyof MesosMessages;

type Atom = string | number | bigint | boolean | Uint8Array | undefined;

/** Lists and maps, which need not be there in what is sent. */
type LeftOut<T> = {
  [K in keyof T]-?: T[K] extends readonly unknown[] ? K : string extends keyof T[K] ? K : never;
}[keyof T];

/** A message as whoever sends it may write it: without its empty lists and maps. */
export type Draft<T> = T extends Atom
  ? T
  : T extends readonly (infer E)[]
    ? readonly Draft<E>[]
    : { readonly [K in keyof T as K extends LeftOut<T> ? never : K]: Draft<T[K]> } & {
        readonly [K in keyof T as K extends LeftOut<T> ? K : never]?: Draft<T[K]>;
      };
