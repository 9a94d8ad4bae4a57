/** How cells of one machine are named, and what each gets of it. */

/** `index` counts from 0. */
export const localCellId = (index: number): string => `cell-${index + 1}`;

/** Whoever pushes to a system of one machine works on that machine: what it serves itself may be fetched. */
export const LOCAL_REGISTRIES: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** As three machines of three zones would have them. */
export const localZone = (index: number): string => `z${(index % 3) + 1}`;

/** host ports of all cells of a machine together */
const HOST_PORTS = { first: 20_000, count: 10_000 };

/** The equal part of one of `cells` cells: no two may share a host port. */
export const hostPortsShare = (index: number, cells: number): { first: number; last: number } => {
  const share = Math.floor(HOST_PORTS.count / cells);
  const first = HOST_PORTS.first + index * share;
  return { first, last: first + share - 1 };
};
