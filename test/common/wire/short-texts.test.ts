import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { decode, encode } from '../../../common/wire/codec.js';
import { createShortTexts } from '../../../common/wire/short-texts.js';

const isAscii = (text: string): boolean =>
  Buffer.byteLength(text) === text.length && !/[^\0-\x7f]/u.test(text);

t.test('what is found is the text that was asked for, however many were read before', async () => {
  const find = createShortTexts();
  const few = fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'cf-apps', '\0', 'x'.repeat(80), 'x'.repeat(81));
  const texts = fc.array(fc.oneof(few, fc.string({ maxLength: 90, unit: 'binary' })), { maxLength: 200 });
  fc.assert(
    fc.property(texts, (all) => {
      for (const text of all) {
        const bytes = Buffer.from(`<${text}>`);
        const size = bytes.length - 2;
        const expected = size <= 80 && isAscii(text) ? text : undefined;
        assert.equal(find(bytes, 1, size), expected);
      }
    }),
  );
});

t.test('texts that fall into one place take turns', async () => {
  const find = createShortTexts();
  const read = (text: string) => find(Buffer.from(text), 0, text.length);
  // far more than there are places
  const texts = Array.from({ length: 20_000 }, (_, nth) => `text-${nth}`);
  for (let round = 0; round < 2; round += 1) for (const text of texts) assert.equal(read(text), text);
});

t.test('a message that was cut off within a text is no message', async (t) => {
  const whole = encode('RemoveDesiredLRPRequest', { processGuid: 'some-guid' });
  t.same(decode('RemoveDesiredLRPRequest', whole), { ok: true, value: { processGuid: 'some-guid' } });
  for (let length = 1; length < whole.length; length += 1) {
    // what lies behind the message in the same memory is none of it
    t.equal(decode('RemoveDesiredLRPRequest', whole.subarray(0, length)).ok, false, `${length} bytes`);
  }
});
