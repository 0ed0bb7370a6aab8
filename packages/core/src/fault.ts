import * as z from "zod"

/**
 * What went wrong, for the machine that maps it:
 * `invalid` the caller's words · `denied` not allowed · `missing` not there · `conflict` the state forbids it ·
 * `too_large` over a limit · `stale` changed meanwhile · `corrupt` bytes differ · `unavailable` try again later.
 */
export const Kind = z.enum([
  "invalid",
  "denied",
  "missing",
  "conflict",
  "too_large",
  "stale",
  "corrupt",
  "unavailable",
])
export type Kind = z.infer<typeof Kind>

/** Whom it concerns: one item, or the whole store (credentials refused, bucket missing, disk full). */
export type Scope = "item" | "store"

export type FaultOptions = ErrorOptions & {
  readonly scope?: Scope
  /** The other side's own wish, in milliseconds from now. */
  readonly retryAfterMs?: number
}

/**
 * The one deliberate error. Each edge translates `kind`; anything else thrown is a bug or an outage.
 * `code` is `noun.what` for programs (`source.missing`); `message` is for people, names the thing and what to
 * do, and never holds a credential or a signed query string.
 */
export class Fault extends Error {
  override readonly name = "Fault"
  readonly kind: Kind
  readonly code: string
  readonly scope: Scope
  readonly retryAfterMs: number | undefined

  constructor(kind: Kind, code: string, message: string, options: FaultOptions = {}) {
    super(message, options)
    this.kind = kind
    this.code = code
    this.scope = options.scope ?? "item"
    this.retryAfterMs = options.retryAfterMs
  }
}

/** The same fault, concerning the whole store; what is no Fault stays as it is. */
export function ofStore(error: unknown): unknown {
  if (!(error instanceof Fault) || error.scope === "store") return error
  const wait = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }
  return new Fault(error.kind, error.code, error.message, { cause: error.cause, scope: "store", ...wait })
}

const transient: readonly Kind[] = ["stale", "corrupt", "unavailable"]

/** Would the same again, later, have a chance? */
export const worthRetrying = (error: unknown): boolean =>
  !(error instanceof Fault) || transient.includes(error.kind)

/**
 * What a failure means for the work around it. Decided here, once:
 * `item-permanent` the item fails · `item-transient` the item is tried again in place, then fails ·
 * `chunk-transient` the delivery ends and comes again · `migration-fatal` the migration stops with the reason ·
 * `bug` not ours on purpose: the delivery comes again, and the failure is alarmed.
 */
export type FailureClass = "item-permanent" | "item-transient" | "chunk-transient" | "migration-fatal" | "bug"

export function failureClass(error: unknown): FailureClass {
  if (!(error instanceof Fault)) return "bug"
  if (error.scope === "item") return worthRetrying(error) ? "item-transient" : "item-permanent"
  return worthRetrying(error) ? "chunk-transient" : "migration-fatal"
}

/** Parse somebody else's words. A stored row is parsed with plain `schema.parse`: its failure is our bug, a 500. */
export function accept<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: string,
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [first] = result.error.issues
  const where = first?.path.length ? `${first.path.join(".")}: ` : ""
  throw new Fault("invalid", code, `${where}${first?.message ?? "not understood"}`, { cause: result.error })
}
