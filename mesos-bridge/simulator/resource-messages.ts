import type { ReservationForm, ResourceFields, Resources } from '../core/resources.js';
import { writeResources } from '../core/resources.js';
import type { Draft, Resource } from '../protocol/messages.js';

const asMessage = ({ ranges, ...fields }: ResourceFields): Draft<Resource> =>
  ({
    ...fields,
    ...(ranges && {
      ranges: {
        range: ranges.range.map(({ begin, end }) => ({ begin: BigInt(begin), end: BigInt(end) })),
      },
    }),
    // what the arithmetic keeps of disks and labels came from messages as it is
  }) as Draft<Resource>;

/** Resources as messages of the protocol. */
export const resourceMessages = (resources: Resources, form?: ReservationForm): Draft<Resource>[] =>
  writeResources(resources, form).map(asMessage);
