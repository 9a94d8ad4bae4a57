export interface ErrorEntry {
  /** what happened, in one line; `{name}` is replaced from the details */
  readonly message: string;
  /** what to do about it */
  readonly remedy: string;
  /** HTTP status when it crosses the API */
  readonly status: number;
}
