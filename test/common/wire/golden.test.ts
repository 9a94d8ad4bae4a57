import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../../common/runtime/package-root.js';
import { decode, encode, fromJson } from '../../../common/wire/codec.js';
import type { WireName } from '../../../common/wire/messages.js';
import { rawFields } from '../../support/wire-fields.js';
import type { RawField } from '../../support/wire-fields.js';

/** A message as Diego's BBS or its Go client put it on the wire, with what Go's JSON says of it. */
interface Recorded {
  readonly exchange: number;
  readonly message: WireName;
  readonly base64: string;
  readonly json: Record<string, unknown>;
}

const recorded = JSON.parse(
  readFileSync(join(packageRoot(), 'test', 'fixtures', 'bbs', 'messages.json'), 'utf8'),
) as Recorded[];

/** Fields that hold ns since the epoch: doubles keep them to 256 ns. */
const TIMES: Partial<Record<WireName, readonly number[]>> = { ActualLRP: [8], Task: [4, 5, 6] };

const rounded = (message: WireName, fields: RawField[]): RawField[] =>
  fields.map((field) =>
    TIMES[message]?.includes(field.id) ? { ...field, content: BigInt(Number(field.content)) } : field,
  );

/** Go prints the one oneof that has no JSON form of its own under its Go name; ours is plain. */
const plain = ({ OptionalRoutable, ...json }: Record<string, unknown>): unknown =>
  OptionalRoutable === undefined ? json : { ...json, ...(OptionalRoutable as object) };

for (const { exchange, message, base64, json } of recorded) {
  t.test(`golden - ${message} of exchange ${exchange}: the same bytes, the same JSON`, async (t) => {
    const bytes = Buffer.from(base64, 'base64');
    const result = decode(message, bytes);
    if (!result.ok) return t.fail(result.error.message);
    t.strictSame(
      rounded(message, rawFields(encode(message, result.value))),
      rounded(message, rawFields(bytes)),
    );
    t.same(fromJson(message, plain(json)), { ok: true, value: result.value });
  });
}
