/** What a piece of work takes of its cell, in the rep's units. */
export interface Room {
  /** MB */
  readonly memoryMb: number;
  /** MB */
  readonly diskMb: number;
  readonly cpuMilli: number;
  readonly containers: number;
}

export const NO_ROOM: Room = { memoryMb: 0, diskMb: 0, cpuMilli: 0, containers: 0 };

export const addRoom = (left: Room, right: Room): Room => ({
  memoryMb: left.memoryMb + right.memoryMb,
  diskMb: left.diskMb + right.diskMb,
  cpuMilli: left.cpuMilli + right.cpuMilli,
  containers: left.containers + right.containers,
});

const short = (what: string, has: number, needs: number, unit: string): string[] =>
  has < needs ? [`${needs} ${unit} of ${what}, and was launched with ${has}`] : [];

/** Why work does not fit into what its Mesos task was given; '' = it does. Others' room is not its own. */
export const whyTooSmall = (given: Room, needs: Omit<Room, 'containers'>): string => {
  const lacks = [
    ...short('memory', given.memoryMb, needs.memoryMb, 'MB'),
    ...short('disk', given.diskMb, needs.diskMb, 'MB'),
    ...short('CPU', given.cpuMilli, needs.cpuMilli, 'thousandths'),
  ];
  return lacks.length === 0 ? '' : `it needs ${lacks.join('; ')}`;
};
