/** A refusal, as an answer: `{"error": message}` with a status. */
export type Refusal = {
  readonly status: number
  readonly error: string
  readonly headers?: Readonly<Record<string, string>>
}

export const refuse = (status: number, error: string, headers?: Refusal["headers"]): Refusal =>
  headers ? { status, error, headers } : { status, error }

export const badRequest = (error: string): Refusal => refuse(400, error)
export const notFound = (what: string): Refusal => refuse(404, `${what} not found`)
/** The plan does not allow it. Source: Upstash docs, QStash > API > errors (412). */
export const overLimit = (error: string): Refusal => refuse(412, error)

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === "object" && value !== null && "error" in value && "status" in value
