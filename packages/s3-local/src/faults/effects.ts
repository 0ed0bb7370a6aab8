import type { ErrorCode } from "../errors.ts"

/**
 * - `repeat` the next page is this one again, under another token
 * - `skip` the next page is left out
 * - `loop` the token for the next page is the one that this page was asked with
 */
export type PageFault = "repeat" | "skip" | "loop"

/** What can be done to a request. Sizes in bytes; `after` defaults to half of the body. */
export type Effect =
  /** Answered with an error, nothing done: `SlowDown` (503), `TooManyRequests` (429), `AccessDenied` (403), … `retryAfter` in seconds or as a date. */
  | { readonly kind: "answer"; readonly code: ErrorCode; readonly retryAfter?: number | string }
  /** Done, then the connection is closed without an answer. */
  | { readonly kind: "lose-response" }
  /** The connection is reset: before anything is read, or in the middle of an uploaded or downloaded body with `after`. */
  | { readonly kind: "reset"; readonly after?: number }
  /** The body, up or down, passes at this rate. */
  | { readonly kind: "slow"; readonly bytesPerSecond: number }
  /** The body, up or down, stops in the middle and the connection stays open. */
  | { readonly kind: "stall"; readonly after?: number }
  /** The body of the answer ends early, though its Content-Length promised more; the connection is closed. */
  | { readonly kind: "cut"; readonly after?: number }
  /** One bit of the byte at `at` (default: the middle) of a downloaded body is another; the headers tell of the right one. */
  | { readonly kind: "flip"; readonly at?: number }
  /** Done, and answered with an ETag that is not the object's. */
  | { readonly kind: "wrong-etag" }
  /** A copy or completed upload is answered with 200 and an `<Error>` body; nothing is done. */
  | { readonly kind: "error-in-200"; readonly code?: ErrorCode }
  | { readonly kind: "listing"; readonly page: PageFault }
  /** The server's clock is ahead (or behind, if negative) for this request. */
  | { readonly kind: "skew"; readonly ms: number }

export const effectOf = <Kind extends Effect["kind"]>(effect: Effect | undefined, kind: Kind) =>
  effect?.kind === kind ? (effect as Extract<Effect, { readonly kind: Kind }>) : undefined
