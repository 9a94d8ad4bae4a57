import t from 'tap';
import { readProxyHeader } from '../../../router/core/proxy-protocol.js';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A header of version 2: command, family, and the rest. */
const v2 = (command: number, family: number, rest: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family]), length, rest]);
};

const FOUR = Buffer.from([10, 1, 2, 3, 10, 9, 9, 9, 0x1f, 0x90, 0, 80]);
const SIX = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.alloc(16),
  Buffer.from([0xff, 0xff, 0, 80]),
]);

void t.test('PROXY 1 - who the connection is for', async (t) => {
  const read = (text: string) => readProxyHeader(Buffer.from(text, 'latin1'));
  const four = 'PROXY TCP4 10.1.2.3 10.9.9.9 8080 80\r\n';
  t.same(read(`${four}GET / HTTP/1.1`), {
    kind: 'read',
    client: { address: '10.1.2.3', port: 8080 },
    length: four.length,
  });
  t.match(read('PROXY TCP6 2001:db8::1 ::1 65535 80\r\n'), {
    client: { address: '2001:db8::1', port: 65_535 },
  });
  t.match(read('PROXY UNKNOWN\r\n'), { kind: 'read', client: undefined, length: 15 });
  t.match(read('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), { kind: 'read', client: undefined });
});

void t.test('PROXY 1 - what is wrong, too long or not all there', async (t) => {
  for (const line of [
    'PROXY TCP4 10.1.2.3 10.9.9.9 8080\r\n',
    'PROXY TCP4 10.1.2 10.9.9.9 8080 80\r\n',
    'PROXY TCP4 10.1.2.300 10.9.9.9 8080 80\r\n',
    'PROXY TCP4 10.1.2.3 10.9.9.9 70000 80\r\n',
    'PROXY TCP4 10.1.2.3 10.9.9.9 -1 80\r\n',
    'PROXY TCP4 10.1.2.3 10.9.9.9 8080 80 more\r\n',
    'PROXY TCP6 10.1.2.3 10.9.9.9 8080 80\r\n',
    'PROXY UDP4 10.1.2.3 10.9.9.9 8080 80\r\n',
    `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
    `PROXY UNKNOWN ${'x'.repeat(200)}`,
  ]) {
    t.same(readProxyHeader(Buffer.from(line)), { kind: 'invalid' }, line);
  }
  const whole = 'PROXY TCP4 10.1.2.3 10.9.9.9 8080 80\r\n';
  for (let length = 0; length < whole.length; length += 1) {
    t.same(readProxyHeader(Buffer.from(whole.slice(0, length))), { kind: 'partial' }, whole.slice(0, length));
  }
});

void t.test('PROXY 2 - who the connection is for, whatever follows', async (t) => {
  t.same(readProxyHeader(Buffer.concat([v2(0x21, 0x11, FOUR), Buffer.from('GET')])), {
    kind: 'read',
    client: { address: '10.1.2.3', port: 8080 },
    length: 28,
  });
  t.match(readProxyHeader(v2(0x21, 0x21, SIX)), {
    client: { address: '2001:db8:0:0:0:0:0:1', port: 65_535 },
  });
  t.match(readProxyHeader(v2(0x21, 0x11, Buffer.concat([FOUR, Buffer.alloc(40)]))), { length: 68 });
  t.match(readProxyHeader(v2(0x20, 0, Buffer.alloc(0))), { kind: 'read', client: undefined, length: 16 });
  t.match(readProxyHeader(v2(0x21, 0x31, Buffer.alloc(216))), { kind: 'read', client: undefined });
});

void t.test('PROXY 2 - what is wrong, too long or not all there', async (t) => {
  t.same(readProxyHeader(v2(0x11, 0x11, FOUR)), { kind: 'invalid' }, 'another version');
  t.same(readProxyHeader(v2(0x22, 0x11, FOUR)), { kind: 'invalid' }, 'another command');
  t.same(readProxyHeader(v2(0x21, 0x11, FOUR.subarray(1))), { kind: 'invalid' }, 'too short');
  t.same(readProxyHeader(v2(0x21, 0x21, FOUR)), { kind: 'invalid' }, 'too short');
  t.same(readProxyHeader(v2(0x21, 0x11, Buffer.alloc(5000))), { kind: 'invalid' }, 'too long');
  const whole = v2(0x21, 0x11, FOUR);
  for (let length = 0; length < whole.length; length += 1) {
    t.same(readProxyHeader(whole.subarray(0, length)), { kind: 'partial' }, String(length));
  }
});

void t.test('PROXY - connections that begin otherwise', async (t) => {
  for (const text of ['GET / HTTP/1.1\r\n', 'PUT / HTTP', 'PROXI', '\x16\x03\x01', '\r\nGET']) {
    t.same(readProxyHeader(Buffer.from(text, 'latin1')), { kind: 'absent' }, JSON.stringify(text));
  }
});
