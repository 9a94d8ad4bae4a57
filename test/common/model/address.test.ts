import t from 'tap';
import { addressText, bareHost, isLoopback } from '../../../common/model/address.js';

t.test('address - what only this machine reaches', (t) => {
  for (const host of [
    'localhost',
    'LocalHost',
    '127.0.0.1',
    '127.255.0.9',
    '::1',
    '[::1]',
    '0:0:0:0:0:0:0:1',
  ]) {
    t.ok(isLoopback(host), host);
  }
  t.ok(isLoopback('::ffff:127.0.0.1'), 'IPv4 in an IPv6 address');
  for (const host of [
    '',
    'localhost.example.com',
    'a.localhost',
    '127.0.0.1.example.com',
    '127.0.0.256',
    '127.1',
    '10.0.0.1',
    '0.0.0.0',
    '::',
    '::11',
    'fe80::1',
    '::ffff:10.0.0.1',
  ]) {
    t.notOk(isLoopback(host), host);
  }
  t.end();
});

t.test('address - as text', (t) => {
  t.equal(addressText({ host: '10.0.0.1', port: 80 }), '10.0.0.1:80');
  t.equal(addressText({ host: 'fd00::1', port: 80 }), '[fd00::1]:80');
  t.equal(bareHost('[fd00::1]'), 'fd00::1');
  t.equal(bareHost('a.example'), 'a.example');
  t.end();
});
