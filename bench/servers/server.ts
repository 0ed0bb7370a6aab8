import type { DataSet } from "../data.ts"

/** An S3 server to measure clients against; it keeps its objects in memory, so that no disk decides. */
export type StoreServer = {
  readonly name: string
  readonly url: string
  /** What our own store address needs for it. */
  readonly query: string
  readonly pids: readonly number[]
  /** A bucket with the files of this folder in it. */
  fill(bucket: string, folder: string): Promise<void>
  /** An empty bucket. */
  make(bucket: string): Promise<void>
  remove(bucket: string): Promise<void>
  /** Have the index ready that an S3 always has, where the server makes one: before either client comes for it. */
  index?(bucket: string): Promise<void>
  /** The address of a list of a bucket's images, and of its index pages; where the server serves them without a signature. */
  list?(bucket: string, set: DataSet): { readonly list: string; readonly index: string }
  /** Requests that it has answered so far; where it counts them. */
  requests?(): Promise<number>
  close(): Promise<void>
}
