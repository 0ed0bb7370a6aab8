import { Fault, type Kind } from "@imgmigrator/core/fault"
import { type NormalStoreRef, storeUri } from "@imgmigrator/core/store-ref"
import type { Agent } from "undici"
import { emptyBody, skipping, translated } from "../http/bodies.ts"
import type { Answer } from "../http/exchange.ts"
import type { Body, Call, Entry } from "../store.ts"
import { parseColumns } from "./columns.ts"
import { fetchAddress, statusFault } from "./fetch.ts"
import { lineFault, readLines } from "./lines.ts"
import { lengthOf, rangeOf, versionOf } from "./read.ts"
import { readRecord } from "./record.ts"
import { jsonRows, type Row, tableRows, textRows } from "./rows.ts"
import { sitemapRows } from "./sitemap.ts"

export type ListRef = Extract<NormalStoreRef, { type: "list" }>

const pageSize = 1000

/** Behind which record a listing goes on: bytes (images, in XML) and lines read, the columns, the version of the list. */
type Place = {
  readonly end: number
  readonly line: number
  readonly columns: string
  readonly version: string
}
const beginning: Place = { end: 0, line: 0, columns: "", version: "" }

/**
 * The entries of a list behind `after`, streamed; in its own order. A line that can't be understood is Fault `invalid
 * manifest.line`; a list that is not the one that `after` is from is `conflict manifest.changed`.
 */
export async function* listAddresses(
  agent: Agent,
  ref: ListRef,
  { after, signal }: Call & { readonly after?: string } = {},
): AsyncGenerator<Entry[]> {
  const from = after === undefined ? beginning : parsePlace(after)
  const whole = ref.format === "xml"
  const { body, version } = await openList(agent, ref, { ...from, end: whole ? 0 : from.end }, signal)
  let page: Entry[] = []
  for await (const rows of rowsOf(ref, body, from)) {
    for (const row of rows) {
      if (row.end <= from.end) continue
      page.push(entryOf(row, version))
      if (page.length < pageSize) continue
      yield page
      page = []
    }
  }
  if (page.length > 0) yield page
}

/** The line of the list that an entry is from, for messages. */
export const lineOf = (entry: Entry): number => Number(entry.cursor?.split(":")[1])

function entryOf({ record, line, end, columns }: Row, version: string): Entry {
  const entry = readRecord(record)
  if (typeof entry === "string") throw lineFault(line, entry)
  return { ...entry, cursor: `${end}:${line}:${columns}:${version}` }
}

async function* rowsOf({ format }: ListRef, body: Body, from: Place): AsyncGenerator<Row[]> {
  if (format === "xml") {
    const sitemap = sitemapRows()
    for await (const chunk of body) yield sitemap.write(chunk)
    yield sitemap.end()
    return
  }
  const lines = readLines(body, from.end, from.line + 1)
  if (format === "txt" || format === "ndjson") {
    for await (const some of lines) yield (format === "txt" ? textRows : jsonRows)(some)
    return
  }
  const table = tableRows(format, parseColumns(from.columns))
  for await (const some of lines) yield table(some)
  table.finish()
}

/** The list from byte `from.end` on, of the version that `from` is of. */
async function openList(agent: Agent, ref: ListRef, from: Place, signal?: AbortSignal) {
  const headers = from.end > 0 ? ["range", `bytes=${from.end}-`] : []
  const answer = await fetchAddress(agent, ref.url, { method: "GET", headers, signal })
  const range = rangeOf(answer)
  const total = range ? range.total : lengthOf(answer.headers)
  const version = versionOf(answer.headers, total) ?? String(total ?? "")
  const atEnd = answer.status === 416 && range?.total === from.end
  const fault = faultOf(answer, ref, atEnd, from.version !== "" && from.version !== version)
  if (fault || atEnd) answer.body.destroy()
  if (fault) throw fault
  if (atEnd) return { body: emptyBody, version }
  const sent = answer.status === 206 ? from.end : 0
  const { body } = translated(answer.body, total === undefined ? undefined : total - sent, storeUri(ref))
  return { body: sent === from.end ? body : skipping(body, from.end), version }
}

function faultOf(answer: Answer, ref: ListRef, atEnd: boolean, changed: boolean): Fault | undefined {
  const fault = (kind: Kind, code: string, text: string) =>
    new Fault(kind, code, `${storeUri(ref)} ${text}.`, { scope: "store" })
  if (answer.status >= 300 && !atEnd) return statusFault(answer, ref.url, "store")
  if (changed)
    return fault(
      "conflict",
      "manifest.changed",
      "is another list than when this began; start a new migration with it",
    )
  const encoding = answer.headers["content-encoding"] ?? "identity"
  if (encoding !== "identity")
    return fault("invalid", "manifest.encoding", "comes compressed, though it was asked for as it is")
}

function parsePlace(cursor: string): Place {
  const [, end, line, columns, version] = /^(\d+):(\d+):([^:]*):(.*)$/s.exec(cursor) ?? []
  if (end !== undefined && columns !== undefined && version !== undefined)
    return { end: Number(end), line: Number(line), columns, version }
  throw new Fault("invalid", "manifest.cursor", "The place to go on in the list is none of ours.", {
    scope: "store",
  })
}
