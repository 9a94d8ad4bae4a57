/** Where our own stream is: a life of the store, and a number that rises by one with every event of it. */
export interface StreamPosition {
  epoch: number;
  sequence: number;
}

export const positionText = ({ epoch, sequence }: StreamPosition): string => `${epoch}-${sequence}`;

export const parsePosition = (text: string): StreamPosition | undefined => {
  const [, epoch, sequence] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  return epoch === undefined ? undefined : { epoch: Number(epoch), sequence: Number(sequence) };
};

/** The event of our own stream that says: what you missed is not here any more, read the state. */
export const RESET = 'reset';

/** Tells a subscriber where the stream is, so that it can come back even before it has heard anything. */
export const positionFrame = (position: StreamPosition): string => `id: ${positionText(position)}\n\n`;

export const resetFrame = (position: StreamPosition, reason: string): string =>
  `id: ${positionText(position)}\nevent: ${RESET}\ndata: ${JSON.stringify({ reason })}\n\n`;
