import { decode } from '../codec.js';

/** A master that stands for election. */
export interface Candidate {
  /** of its node, without the path */
  readonly name: string;
  readonly form: 'json' | 'protobuf' | 'text';
  readonly sequence: number;
}

const FORMS: readonly (readonly [label: RegExp, form: Candidate['form']])[] = [
  [/^json\.info_(\d+)$/, 'json'],
  [/^info_(\d+)$/, 'protobuf'],
  [/^(\d+)$/, 'text'],
];

const candidateOf = (name: string): Candidate | undefined => {
  for (const [label, form] of FORMS) {
    const [, sequence] = label.exec(name) ?? [];
    if (sequence !== undefined) return { name, form, sequence: Number(sequence) };
  }
  return undefined;
};

/** Who leads among the children of the election's node: the one that came first. Other nodes, as of the registry, are none. */
export const leaderAmong = (children: readonly string[]): Candidate | undefined =>
  children
    .map(candidateOf)
    .filter((candidate) => candidate !== undefined)
    .reduce<Candidate | undefined>(
      (first, next) => (first && first.sequence <= next.sequence ? first : next),
      undefined,
    );

const PID = /^[^@]+@(.+:\d+)$/;

const addressIn = (pid: string | undefined): string | undefined => PID.exec(pid?.trim() ?? '')?.[1];

/**
 * `host:port` of the master whose node holds these bytes; undefined when they cannot be read. By its name where `byName`, as
 * certificates need it, else by its number, which needs no name server.
 */
export const addressOf = (
  data: Uint8Array,
  { form, byName }: { form: Candidate['form']; byName: boolean },
): string | undefined => {
  if (form === 'text') return addressIn(Buffer.from(data).toString('utf8'));
  const info = decode('MasterInfo', data, form);
  if (!info.ok) return undefined;
  const { address, hostname, pid, port } = info.value;
  const name = address?.hostname ?? hostname;
  if (byName && name !== undefined) return `${name}:${address?.port ?? port}`;
  return address?.ip === undefined ? addressIn(pid) : `${address.ip}:${address.port}`;
};
