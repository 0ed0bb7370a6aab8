import { Fault } from "@imgmigrator/core/fault"
import { emptyBody, translated } from "../http/bodies.ts"
import type { Call, Facts, Opened } from "../store.ts"
import { accepted, type Client } from "./client.ts"
import { factsOf } from "./description.ts"

/** HeadObject. A refusal has no body, so a GET of one byte is asked what it means. */
export async function statObject(
  client: Client,
  key: string,
  { signal }: Call = {},
  side: "source" | "destination" = "destination",
): Promise<Facts | undefined> {
  const headers = ["x-amz-checksum-mode", "ENABLED"]
  const answer = await client.collect({ method: "HEAD", key, headers, signal })
  if (answer.status === 404) return undefined
  if (!("refusal" in answer)) return factsOf(key, answer.headers, Number(answer.headers["content-length"]))
  const asked = await client.collect({ method: "GET", key, headers: ["range", "bytes=0-0"], signal })
  const found = accepted(asked.status === 416 ? answer : asked, client.about(side, key))
  return factsOf(key, found.headers, extent(found.headers).total ?? 0)
}

/** GetObject: the bytes and what is said of them are of one version. */
export async function openObject(
  client: Client,
  key: string,
  { start = 0, etag, signal }: Call & { readonly start?: number; readonly etag?: string } = {},
): Promise<Opened> {
  const headers = start > 0 ? ["range", `bytes=${start}-`] : ["x-amz-checksum-mode", "ENABLED"]
  if (etag !== undefined) headers.push("if-match", `"${etag}"`)
  const answer = await client.open({ method: "GET", key, headers, signal })
  if (answer.status === 416) return openAtEnd(client, key, start, etag, signal)
  const about = client.about("source", key)
  const opened = accepted(answer, about)
  const { total, from } = extent(opened.headers)
  if (total === undefined || from !== start) {
    opened.body.destroy()
    throw new Fault(
      "corrupt",
      "source.range",
      `${about.what}: the store sent another part of it than was asked for.`,
    )
  }
  const facts = factsOf(key, opened.headers, total)
  return { facts, ...translated(opened.body, total - start, about.what) }
}

/** Reading from the very end is no error of ours: a file may have arrived whole just before its reader was stopped. */
async function openAtEnd(
  client: Client,
  key: string,
  start: number,
  etag: string | undefined,
  signal?: AbortSignal,
): Promise<Opened> {
  const about = client.about("source", key)
  const facts = await statObject(client, key, signal ? { signal } : {}, "source")
  if (!facts) throw new Fault("missing", "source.missing", `${about.what} is not there.`)
  if (facts.size !== start || (etag !== undefined && facts.etag !== etag))
    throw new Fault("stale", "source.changed", `${about.what} changed while it was read.`)
  return { facts, body: emptyBody }
}

function extent(headers: Readonly<Record<string, string | string[] | undefined>>) {
  const range = headers["content-range"]
  const [, from, total] = (typeof range === "string" && /^bytes (\d+)-\d+\/(\d+)$/.exec(range)) || []
  if (from !== undefined) return { from: Number(from), total: Number(total) }
  const length = headers["content-length"]
  return { from: 0, total: length === undefined ? undefined : Number(length) }
}
