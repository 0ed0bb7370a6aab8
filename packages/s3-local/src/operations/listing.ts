import type { Bucket } from "../store/buckets.ts"
import { beyond, byteOrder } from "../store/byte-order.ts"
import type { ObjectRecord } from "../store/records.ts"

export type Question = {
  readonly prefix: string
  readonly delimiter: string
  /** Only what comes behind this; a place as `byteOrder` writes keys. */
  readonly after: string
  readonly limit: number
}

export type Page = {
  readonly objects: readonly ObjectRecord[]
  readonly commonPrefixes: readonly string[]
  readonly truncated: boolean
  /** The place of the last thing on this page: the next page comes behind it. */
  readonly last: string
  /** The same as a key or common prefix, for V1's markers. */
  readonly lastName: string
}

/** One page, in the order of the keys' UTF-8 bytes. What is below a common prefix is stepped over, not looked at. */
export function listPage(bucket: Bucket, question: Question): Page {
  const prefix = byteOrder(question.prefix)
  const delimiter = byteOrder(question.delimiter)
  const objects: ObjectRecord[] = []
  const commonPrefixes: string[] = []
  let last = question.after
  let lastName = ""
  const walker = bucket.keys.walk(prefix > question.after ? prefix : question.after)
  if (walker.current() === question.after) walker.next()
  for (;;) {
    const order = walker.current()
    const done = order === undefined || !order.startsWith(prefix)
    if (done || objects.length + commonPrefixes.length >= question.limit)
      return { objects, commonPrefixes, truncated: !done && question.limit > 0, last, lastName }
    const at = delimiter === "" ? -1 : order.indexOf(delimiter, prefix.length)
    const record = bucket.objects.get(order)
    if (at < 0 && record) {
      objects.push(record)
      last = order
      lastName = record.key
      walker.next()
      continue
    }
    const common = order.slice(0, at + delimiter.length)
    last = common + beyond
    lastName = Buffer.from(common, "latin1").toString("utf8")
    commonPrefixes.push(lastName)
    walker.seek(last)
  }
}
