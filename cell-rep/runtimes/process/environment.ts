import type { ContainerPort, ProcessSpec } from '../../core/container-runtime.js';

const COMMON_PATH = ['/usr/local/bin', '/usr/local/sbin', '/usr/bin', '/usr/sbin', '/bin', '/sbin'];

/** Where applications find programs unless their environment says otherwise; the platform's own Node comes last. */
export const defaultPath = (nodeDir: string): string => {
  const extra = process.platform === 'darwin' ? ['/opt/homebrew/bin'] : [];
  return [...new Set([...COMMON_PATH, ...extra, nodeDir])].join(':');
};

/**
 * There is no network of its own: what asks for a container port by PORT must listen on the host port instead.
 * Without PORT the first mapping is given.
 */
const hostPortFor = (port: string | undefined, ports: readonly ContainerPort[]): string | undefined => {
  if (port === undefined) return ports[0] && String(ports[0].hostPort);
  const mapping = ports.find((one) => String(one.containerPort) === port);
  return mapping ? String(mapping.hostPort) : port;
};

/** The whole environment of a process: nothing of the platform's own gets in. */
export const buildEnvironment = (
  spec: ProcessSpec,
  place: {
    home: string;
    tmp: string;
    path: string;
    ports: readonly ContainerPort[];
    /** where files are in the place of directories below /etc, if there are any */
    instead?: Readonly<Record<string, string>>;
  },
): Record<string, string> => {
  const env: Record<string, string> = {
    HOME: place.home,
    TMPDIR: place.tmp,
    USER: spec.user === '' ? 'vcap' : spec.user,
    PATH: place.path,
    LANG: 'C.UTF-8',
    ...spec.env,
  };
  const port = hostPortFor(spec.env['PORT'], place.ports);
  if (port !== undefined) env['PORT'] = port;
  // the older name of the same, where an application asks by it
  const older = spec.env['VCAP_APP_PORT'];
  if (older !== undefined) env['VCAP_APP_PORT'] = hostPortFor(older, place.ports) ?? older;
  return instead(env, place.instead ?? {});
};

/** Nobody may make files below /etc: variables that name places there name the real ones. */
const instead = (
  env: Record<string, string>,
  places: Readonly<Record<string, string>>,
): Record<string, string> => {
  const real = (value: string): string => {
    const place = Object.keys(places).find((one) => value === one || value.startsWith(`${one}/`));
    return place === undefined ? value : places[place] + value.slice(place.length);
  };
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, real(value)]));
};

/** Why this cannot be started, found before anything is; NUL separates fields on the way to the helper. */
/** Bytes that Linux takes of one argument or variable, its end included: a longer one is refused by each exec after it. */
const LONGEST_STRING = 128 * 1024;

const tooLong = (spec: ProcessSpec): string | undefined => {
  const isTooLong = (text: string): boolean =>
    // a character has four bytes at most
    text.length * 4 >= LONGEST_STRING && Buffer.byteLength(text) >= LONGEST_STRING;
  const variable = Object.entries(spec.env).find(([key, value]) => isTooLong(`${key}=${value}`));
  if (variable !== undefined) return `argument list too long: environment variable ${variable[0]}`;
  return spec.args.some(isTooLong) ? 'argument list too long: an argument of the command' : undefined;
};

export const specProblem = (spec: ProcessSpec): string | undefined => {
  if (!/^[A-Za-z0-9_.-]{1,100}$/.test(spec.id) || spec.id.startsWith('.'))
    return `bad process id: ${spec.id}`;
  if (spec.path === '') return 'no program given';
  if ([spec.path, spec.dir, ...spec.args].some((text) => text.includes('\0'))) return 'NUL in the command';
  for (const [key, value] of Object.entries(spec.env)) {
    if (key === '' || /[=\0]/.test(key)) return `bad environment variable name: ${JSON.stringify(key)}`;
    if (value.includes('\0')) return `NUL in environment variable ${key}`;
  }
  return tooLong(spec);
};
