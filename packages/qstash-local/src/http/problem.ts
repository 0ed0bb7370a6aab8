/**
 * A refusal, thrown wherever a request turns out to be wrong, and answered at the door as `{"error": message}`.
 * Plain data, not an Error: it says what the caller did, not where we are.
 */
export type Refusal = {
  readonly status: number
  readonly error: string
  readonly headers?: Readonly<Record<string, string>>
}

export const refuse = (status: number, error: string, headers?: Refusal["headers"]): Refusal =>
  headers ? { status, error, headers } : { status, error }

export const badRequest = (error: string): Refusal => refuse(400, error)
export const notFound = (what: string): Refusal => refuse(404, `${what} not found`)
/** The plan does not allow it. Source: Upstash docs, QStash > API (412). */
export const overLimit = (error: string): Refusal => refuse(412, error)

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === "object" && value !== null && "error" in value && "status" in value

/** What `run` returns, or the refusal that it throws. */
export function refusalOr<Value>(run: () => Value): Value | Refusal {
  try {
    return run()
  } catch (problem) {
    if (isRefusal(problem)) return problem
    throw problem
  }
}
