/** Names of apps and hosts. */

/** Longest DNS label. */
const MAX_LABEL = 63;
const APP_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9])?$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Letters, digits, space, `.`, `_` and `-`, ends being a letter or digit: always good for a host name. */
export const isAppName = (name: string): boolean => name.length <= MAX_LABEL && APP_NAME.test(name);

/** The host of an app's default route, as Cloud Controller makes it: lower case, all else a dash. */
export const hostLabel = (appName: string): string => appName.toLowerCase().replace(/[ ._]+/g, '-');

/** One label or more (`www`, `a.b`), or the wildcard `*`. */
export const isHost = (host: string): boolean =>
  host === '*' || (host.length <= 253 && host.split('.').every((label) => LABEL.test(label)));

/** '' or a path as routes have it: starts with `/`, no query, ≤ 128 characters. */
export const isRoutePath = (path: string): boolean =>
  path === '' || (path.length <= 128 && /^\/[^?#\s]+$/.test(path));

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const RESERVED_ENV = /^(VCAP_|VMC_)|^PORT$/i;

/** Why an application may not set this variable; '' when it may. Texts after Cloud Controller's. */
export const envNameProblem = (name: string): string => {
  if (!ENV_NAME.test(name)) return 'must be letters, digits and _ and not start with a digit';
  return RESERVED_ENV.test(name) ? 'cannot be PORT or start with VCAP_ or VMC_' : '';
};

/** Longest task name; it becomes part of a log source. */
export const isTaskName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$/.test(name);
export const isProcessType = (type: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(type);
