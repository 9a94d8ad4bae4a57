import t from 'tap';
import { createRecordDecoder, encodeRecord } from '../../../mesos-bridge/protocol/record-io.js';

const text = (records: readonly Uint8Array[]): string[] =>
  records.map((one) => Buffer.from(one).toString('utf8'));

t.test('record io - a length counts bytes, and a record may be empty', async (t) => {
  t.equal(Buffer.from(encodeRecord(Buffer.from('äöü'))).toString('utf8'), '6\näöü');
  const { records, error } = createRecordDecoder().push(Buffer.from('0\n6\näöü0\n3\nabc'));
  t.same(text(records), ['', 'äöü', '', 'abc']);
  t.equal(error, undefined);
});

t.test('record io - a header that is no number ends the stream for good', async (t) => {
  for (const bad of ['x\n', '\n', '-1\n', '1 \n', '1.5\n', '0x10\n', `${'1'.repeat(21)}\n`]) {
    const decoder = createRecordDecoder();
    const { records, error } = decoder.push(Buffer.from(`3\nabc${bad}3\ndef`));
    t.same(text(records), ['abc'], JSON.stringify(bad));
    t.equal(error?.reason, 'header', JSON.stringify(bad));
    t.match(decoder.push(Buffer.from('3\nabc')), { records: [], error: { reason: 'header' } });
  }
});

t.test('record io - a header without an end is not collected', async (t) => {
  const decoder = createRecordDecoder();
  t.equal(decoder.push(Buffer.alloc(1024 * 1024, '1')).error?.reason, 'header');
});

t.test('record io - a record over the limit is refused by its header', async (t) => {
  const decoder = createRecordDecoder({ maxBytes: 10 });
  t.same(text(decoder.push(Buffer.from('10\n0123456789')).records), ['0123456789']);
  t.match(decoder.push(Buffer.from('11\n')), {
    records: [],
    error: { reason: 'too-large', message: 'a record of 11 bytes came, and at most 10 are taken' },
  });
});

t.test('record io - what has not come whole is pending', async (t) => {
  const decoder = createRecordDecoder();
  t.same(decoder.push(Buffer.from('12')).records, []);
  t.equal(decoder.pending(), 2);
  decoder.push(Buffer.from('\nabc'));
  t.equal(decoder.pending(), 3);
  t.same(text(decoder.push(Buffer.from('defghijkl')).records), ['abcdefghijkl']);
  t.equal(decoder.pending(), 0);
});
