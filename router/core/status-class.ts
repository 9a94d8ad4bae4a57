/** As gorouter counts answers: by the first digit of their status, and `xxx` for what has none of these. */
export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'xxx'] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** `status` is 0 where there is no answer. */
export const statusClass = (status: number): StatusClass =>
  status >= 200 && status < 600 ? (STATUS_CLASSES[Math.floor(status / 100) - 2] ?? 'xxx') : 'xxx';
