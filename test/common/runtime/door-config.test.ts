import t from 'tap';
import { compileDoor, compileEndpoint } from '../../../common/runtime/door-config.js';

const tls = { cert: 'c', key: 'k', ca: 'a' };

const problems = (compile: (report: (field: string, problem: string) => void) => unknown): string[] => {
  const found: string[] = [];
  compile((field, problem) => found.push(`${field}: ${problem}`));
  return found;
};

t.test('door configuration - a socket, or TCP with certificates, and never half of each', (t) => {
  const door = (given: object) => problems((report) => compileDoor(given, 'listen', report));
  t.same(door({ socket: 's' }), []);
  t.same(door({ host: 'h', port: 1, tls }), []);
  for (const more of [{ host: 'h' }, { port: 1 }, { tls }]) {
    t.match(door({ socket: 's', ...more }), [/^listen: has a socket and a host, port or tls/]);
  }
  t.match(door({ host: 'h', port: 1 }), [/^listen\.tls: is missing/]);
  t.match(door({}), [/^listen: needs a socket/]);
  t.match(door({ socket: 's'.repeat(104) }), [/^listen\.socket: is longer than 103 bytes/]);

  const end = (given: object) => problems((report) => compileEndpoint(given, 'bbs', report));
  t.same(end({ socket: 's' }), []);
  t.same(end({ url: 'https://h:1', tls }), []);
  for (const more of [{ url: 'https://h:1' }, { tls }]) {
    t.match(end({ socket: 's', ...more }), [/^bbs: has a socket and a url or tls/]);
  }
  t.match(end({ url: 'https://h:1' }), [/^bbs\.tls: is missing/]);
  t.end();
});
