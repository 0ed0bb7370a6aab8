import { Fault, ofStore, type Scope } from "@imgmigrator/core/fault"

/** What a broken exchange means, in words; by error code of Node, OpenSSL and undici. */
const connecting: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/^ENOTFOUND$|^EAI_/, "its name can't be resolved"],
  [/^ECONNREFUSED$/, "the connection was refused"],
  [/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN)$/, "no connection came about"],
]
const answering: typeof connecting = [
  [/^UND_ERR_HEADERS_TIMEOUT$/, "it did not answer in time"],
  [/^UND_ERR_BODY_TIMEOUT$/, "it stopped in the middle of its answer"],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_DESTROYED|UND_ERR_CLOSED)$/, "the connection broke"],
  [/^UND_ERR_RES_CONTENT_LENGTH_MISMATCH$/, "fewer or more bytes came than were announced"],
  [/^UND_ERR_HEADERS_OVERFLOW$/, "its headers are too large"],
  [/^ANSWER_TOO_LARGE$/, "its answer is larger than it can be"],
  [/^(HPE_|ERR_HTTP)/, "its answer is no HTTP"],
]
const tls = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_OSSL|EPROTO)/

/**
 * A connection that failed or broke, as a Fault; what is none of these stays as it is (a reason to abort, a bug).
 * `host` says whom it concerns that no connection comes about; one that broke concerns its item.
 */
export function transportFault(error: unknown, code: string, what: string, host: Scope = "item"): unknown {
  if (error instanceof Fault) return host === "store" ? ofStore(error) : error
  if (!(error instanceof Error)) return error
  const found = codeOf(error)
  if (tls.test(found)) {
    const message = `${what} can't be trusted: its TLS certificate or protocol is refused (${found}).`
    return new Fault("denied", "address.tls", message, { cause: error, scope: host })
  }
  const unconnected = connecting.find(([pattern]) => pattern.test(found))
  const text = (unconnected ?? answering.find(([pattern]) => pattern.test(found)))?.[1]
  if (!text) return error
  const scope = unconnected ? host : "item"
  return new Fault("unavailable", code, `${what} can't be reached: ${text}.`, { cause: error, scope })
}

/** Several addresses tried in vain come as one AggregateError. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
}

/** A kept connection that the server closed at the moment of use: nothing was answered, so the request may go again. */
export const isStale = (error: unknown) => /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/.test(codeOf(error))

/** `Retry-After` in milliseconds from `now`: seconds or a date (RFC 9110, 10.2.3). At most an hour is believed. */
export function retryAfter(value: string | string[] | undefined, now: number): number | undefined {
  if (typeof value !== "string") return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, 3_600_000) : undefined
}
