import t from 'tap';
import { needMasters, parseMasters } from '../../../../mesos-bridge/protocol/leader/address.js';
import { addressOf, leaderAmong } from '../../../../mesos-bridge/protocol/leader/election.js';
import { encode } from '../../../../mesos-bridge/protocol/codec.js';

t.test('masters - lists and addresses of ZooKeeper', async (t) => {
  const list = (...masters: string[]) => ({ ok: true, value: { is: 'list', masters } });
  t.same(parseMasters('a:5050'), list('a:5050'));
  t.same(parseMasters(' a:5050, 10.0.0.1:5051,[::1]:5052 '), list('a:5050', '10.0.0.1:5051', '[::1]:5052'));
  t.same(parseMasters('zk://a:2181,b:2182/mesos/'), {
    ok: true,
    value: { is: 'zookeeper', servers: ['a:2181', 'b:2182'], path: '/mesos', credentials: '' },
  });
  t.match(parseMasters('zk://u:p@ss:w@a:2181/x/y'), {
    value: { credentials: 'u:p@ss:w', servers: ['a:2181'], path: '/x/y' },
  });
});

t.test('masters - what is wrong with an address is said', async (t) => {
  for (const [text, reason] of [
    ['', /an address is absent/],
    ['a', /"a" is no HOST:PORT/],
    ['a:5050,', /an address is absent/],
    ['a:99999', /"a:99999" is no HOST:PORT/],
    ['http://a:5050', /no HOST:PORT/],
    ['zk://a:2181', /path of the election/],
    ['zk://a:2181/', /path of the election/],
    ['zk://a:2181//x', /path of the election/],
    ['zk://u@a:2181/x', /USER:PASSWORD/],
    ['zk://a/x', /"a" is no HOST:PORT/],
  ] as const) {
    t.match(parseMasters(text), { ok: false, error: reason }, text);
  }
});

t.test('masters - a setting that cannot be used is told without its password', async (t) => {
  t.match(needMasters('a:1,b:2'), { is: 'list' });
  const failure = { code: 'MESOS_MASTERS_INVALID', message: /"zk:\/\/…@a:2181"/ };
  t.throws(() => needMasters('zk://u:p@ss@a:2181'), failure);
});

t.test('election - the lowest number leads, whatever the form', async (t) => {
  t.equal(leaderAmong(['log_replicas', 'json.info_x', 'other_0000000000']), undefined);
  const children = ['json.info_0000000012', 'info_0000000011', 'log_replicas', '0000000013'];
  t.match(leaderAmong(children), { name: 'info_0000000011', form: 'protobuf' });
  t.match(leaderAmong(['json.info_2147483647', 'json.info_0000000003']), { name: 'json.info_0000000003' });
});

t.test('election - where the leader is', async (t) => {
  const info = { id: 'i', ip: 1, port: 5050, pid: 'master@10.0.0.1:5050', hostname: 'm1' };
  const address = { hostname: 'm1.example', ip: '10.0.0.2', port: 5051 };
  const of = (message: object, byName = false) =>
    addressOf(encode('MasterInfo', message as never, 'protobuf'), { form: 'protobuf', byName });
  t.equal(of({ ...info, address }), '10.0.0.2:5051');
  t.equal(of({ ...info, address }, true), 'm1.example:5051');
  t.equal(of(info), '10.0.0.1:5050');
  t.equal(of(info, true), 'm1:5050');
  t.equal(addressOf(Buffer.from('master@[::1]:5050\n'), { form: 'text', byName: true }), '[::1]:5050');
  t.equal(addressOf(Buffer.from('garbage'), { form: 'text', byName: false }), undefined);
  t.equal(addressOf(Buffer.from('garbage'), { form: 'json', byName: false }), undefined);
});
