/** Cells that may vanish within one TTL before it is taken for a fault of the platform's own (design §8.6). */
const FEW = 2;
const PART = 0.3;

/** `vanished` of `total` cells within one TTL: more than cells usually fail together. */
export const isMassDisappearance = (vanished: number, total: number): boolean =>
  vanished > Math.max(FEW, PART * total);
