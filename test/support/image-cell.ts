import type { ImageDescription, ImageReply } from '../../common/model/image.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS, cellSubject } from '../../common/wire/subjects.js';

/** A cell as far as it is asked about images: it answers as the test says, and notes on which subject it was asked. */
export interface ImageCell {
  readonly asked: { subject: string; rootfs: string }[];
  /** undefined = no answer */
  answer: (rootfs: string) => Partial<ImageReply> | undefined;
  leave: Cancel;
}

export const description = (over: Partial<ImageDescription> = {}): ImageDescription => ({
  id: 'sha256:1',
  digest: '',
  entrypoint: ['/bin/web'],
  command: ['--name', 'it is'],
  user: '',
  workingDir: '',
  ports: [],
  ...over,
});

export const found = (over: Partial<ImageDescription> = {}): Partial<ImageReply> => ({
  status: 'found',
  image: description(over),
});

export const startImageCell = (bus: Bus, cellId: string, answer: ImageCell['answer']): ImageCell => {
  const asked: ImageCell['asked'] = [];
  const cell: ImageCell = { asked, answer, leave: () => cancels.forEach((cancel) => cancel()) };
  const cancels = [SUBJECTS.cellImage, cellSubject(cellId, 'image')].map((subject) =>
    bus.subscribe(
      subject,
      (message) => {
        const query = decode('ImageQuery', message.payload);
        if (!query.ok) throw new Error(query.error.message);
        asked.push({ subject, rootfs: query.value.rootfs });
        const reply = cell.answer(query.value.rootfs);
        if (reply === undefined) return;
        message.respond(encode('ImageReply', { cellId, status: 'pending', reason: '', ...reply }));
      },
      { queue: 'images' },
    ),
  );
  return cell;
};
