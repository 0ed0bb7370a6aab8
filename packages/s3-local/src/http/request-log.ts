import type { Operation } from "./operation.ts"

export type RequestRecord = {
  readonly method: string
  /** Undefined where the request was none that S3 knows. */
  readonly operation: Operation | undefined
  readonly bucket: string | undefined
  readonly key: string | undefined
  /** 0 where a fault let it go without an answer. */
  readonly status: number
}

export type RequestLog = {
  readonly requests: readonly RequestRecord[]
  readonly counts: Readonly<Record<string, number>>
  add(record: RequestRecord): void
  nextId(): string
  bug(error: unknown): void
}

/** `keep`: whether each request is kept, or only counted. */
export function requestLog(keep: boolean): RequestLog {
  const requests: RequestRecord[] = []
  const counts: Record<string, number> = {}
  let last = 0
  return {
    requests,
    counts,
    add(record) {
      const name = record.operation ?? "Unknown"
      counts[name] = (counts[name] ?? 0) + 1
      if (keep) requests.push(record)
    },
    nextId: () => (++last).toString(16).toUpperCase().padStart(16, "0"),
    bug: (error) => console.error("s3-local: a bug, answered with InternalError:", error),
  }
}
