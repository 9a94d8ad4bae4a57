import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { RawHeaders } from '../core/request-headers.js';

/** What undici's handlers are, and what follows a request's body: asked when that has ended. */
export interface Handler extends Dispatcher.DispatchHandler {
  requestTrailers?(): RawHeaders;
}

type Controller = Dispatcher.DispatchController;

/** Whoever carries requests, as far as they tell of their course. */
export interface Carrying {
  carry(): unknown;
  release(): void;
  surrender(): void;
  /** the body that ends now is followed by trailers */
  endWith(trailers: RawHeaders): void;
}

/** Nobody reads them: `rawHeaders` has them as they came. */
const NO_HEADERS = {};

/**
 * Tells undici's older set of events as its newer one. undici would do so itself, but reads headers and trailers of
 * every answer into objects for it.
 */
export class RawHandler implements Controller {
  /** who carries the request */
  client: Carrying | undefined;
  aborted = false;
  paused = false;
  reason: Error | null = null;
  rawHeaders: Buffer[] | string[] | null = null;
  rawTrailers: Buffer[] | string[] | null = null;
  readonly #handler: Handler;
  #abort: ((reason?: Error) => void) | undefined;
  #resume: (() => void) | undefined;

  constructor(handler: Handler) {
    this.#handler = handler;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#resume?.();
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#abort?.(reason);
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    this.#handler.onRequestStart?.(this, this.client?.carry());
  }

  onRequestSent(): void {
    const trailers = this.#handler.requestTrailers?.();
    if (trailers !== undefined && trailers.length > 0) this.client?.endWith(trailers);
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, statusText: string): boolean {
    this.#resume = resume;
    this.rawHeaders = raw;
    this.#handler.onResponseStart?.(this, status, NO_HEADERS, statusText);
    return !this.paused;
  }

  onData(chunk: Buffer): boolean {
    this.#handler.onResponseData?.(this, chunk);
    return !this.paused;
  }

  onComplete(raw: string[] | null): void {
    this.rawTrailers = raw;
    this.client?.release();
    this.#handler.onResponseEnd?.(this, NO_HEADERS);
  }

  onUpgrade(status: number, raw: Buffer[] | string[] | null, socket: Duplex): void {
    this.rawHeaders = raw;
    this.client?.surrender();
    this.#handler.onRequestUpgrade?.(this, status, NO_HEADERS, socket);
  }

  onError(error: Error): void {
    this.client?.release();
    this.#handler.onResponseError?.(this, error);
  }
}

export const rawHandler = (handler: Handler): Handler => new RawHandler(handler);
