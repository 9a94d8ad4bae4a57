import assert from 'node:assert/strict';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import t from 'tap';
import { loadSchema } from '../../../common/wire/schema.js';
import { ByteWriter } from '../../../common/wire/writer.js';

// sets protobufjs up to take 64-bit integers as numbers, as the schema does
loadSchema();

type Scalar = 'uint32' | 'int32' | 'int64' | 'uint64' | 'bool' | 'string';
type Step = [Scalar, number | boolean | string] | ['message', Step[]];

const edges = [
  0,
  1,
  127,
  128,
  16_383,
  16_384,
  2 ** 21,
  2 ** 28 - 1,
  2 ** 28,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];
const large = [2 ** 32, 2 ** 35, 2 ** 42 + 5, 2 ** 53 - 1, Number(1_795_218_074_097_867_174n), 2 ** 62];
const oneOf = (numbers: number[], rest: fc.Arbitrary<number>) => fc.oneof(fc.constantFrom(...numbers), rest);

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ maxLength: 80 }),
  fc.integer({ min: 60, max: 70 }).map((length) => 'a'.repeat(length)),
  fc.constantFrom('\u{1f600}'.repeat(40), '\u00fc'.repeat(64), 'x'.repeat(20_000), '\u20ac'.repeat(6_000)),
);

const scalar: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('uint32' as const), oneOf(edges, fc.integer({ min: 0, max: 2 ** 32 - 1 }))),
  fc.tuple(fc.constant('int32' as const), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  fc.tuple(fc.constant('uint64' as const), oneOf([...edges, ...large], fc.maxSafeNat())),
  fc.tuple(
    fc.constant('int64' as const),
    oneOf([...edges, ...large, ...edges.map((n) => -n), ...large.map((n) => -n)], fc.maxSafeInteger()),
  ),
  fc.tuple(fc.constant('bool' as const), fc.boolean()),
  fc.tuple(fc.constant('string' as const), texts),
);

const { steps } = fc.letrec<{ steps: Step[] }>((tie) => ({
  steps: fc.array(
    fc.oneof({ depthSize: 'small' }, scalar, fc.tuple(fc.constant('message' as const), tie('steps'))),
    { maxLength: 6 },
  ),
}));

interface Writer {
  fork(): unknown;
  ldelim(): unknown;
}

const write = (writer: Writer, all: Step[]): void => {
  for (const [kind, value] of all) {
    if (kind === 'message') {
      writer.fork();
      write(writer, value);
      writer.ldelim();
    } else {
      (writer as unknown as Record<Scalar, (value: unknown) => unknown>)[kind](value);
    }
  }
};

t.test('writer - byte for byte what protobufjs writes', async () => {
  const ours = new ByteWriter();
  fc.assert(
    fc.property(steps, (all) => {
      const theirs = protobuf.Writer.create();
      write(theirs, all);
      ours.reset();
      write(ours, all);
      assert.deepEqual(Buffer.from(ours.finish()), Buffer.from(theirs.finish()));
    }),
    { numRuns: 2_000 },
  );
});

t.test('writer - lone surrogates become a character that UTF-8 can say', async (t) => {
  const writer = new ByteWriter();
  writer.string('a\ud800b');
  t.equal(writer.finish().subarray(1).toString('utf8'), 'a\ufffdb');
});

t.test('writer - a message that was given up leaves nothing behind', async (t) => {
  const writer = new ByteWriter();
  writer.fork().string('x'.repeat(3_000_000));
  writer.reset();
  t.same([...writer.uint32(5).finish()], [5]);
});
