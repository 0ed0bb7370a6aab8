import { createHash } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { Fault } from "@imgmigrator/core/fault"
import type { Agent } from "undici"
import { emptyBody, skipping, translated } from "../http/bodies.ts"
import type { Answer } from "../http/exchange.ts"
import type { Body, Call, Facts, Opened } from "../store.ts"
import { fetchAddress, shown, statusFault } from "./fetch.ts"
import type { Turn } from "./turns.ts"

type Target = { readonly key: string; readonly address: string }

/** HEAD; a GET of the first byte where the server does not take HEAD. `undefined` where nothing is (404, 410). */
export async function statAddress(
  agent: Agent,
  turn: Turn,
  { key, address }: Target,
  { signal }: Call = {},
): Promise<Facts | undefined> {
  const head = await fetchAddress(agent, address, { method: "HEAD", signal, turn })
  head.body.destroy()
  if (head.status === 404 || head.status === 410) return undefined
  if (head.status < 300) return factsOf(key, head.headers, lengthOf(head.headers))
  if (![400, 403, 405, 501].includes(head.status)) throw statusFault(head, address)
  const get = await fetchAddress(agent, address, {
    method: "GET",
    headers: ["range", "bytes=0-0"],
    signal,
    turn,
  })
  get.body.destroy()
  if (get.status === 404 || get.status === 410) return undefined
  if (get.status >= 300 && get.status !== 416) throw statusFault(get, address)
  return factsOf(
    key,
    get.headers,
    rangeOf(get)?.total ?? (get.status === 200 ? lengthOf(get.headers) : undefined),
  )
}

/** GET from `start` on. A server that sends all from the beginning is read from there and cut. */
export async function openAddress(
  agent: Agent,
  turn: Turn,
  { key, address }: Target,
  { start = 0, etag, signal }: Call & { readonly start?: number; readonly etag?: string },
): Promise<Opened> {
  const headers = start > 0 ? ["range", `bytes=${start}-`] : []
  // A weak ETag may not be used so (RFC 9110, 13.1.5); it is compared below like any other.
  if (start > 0 && etag && /^[^/-]+$/.test(etag)) headers.push("if-range", `"${etag}"`)
  const answer = await fetchAddress(agent, address, { method: "GET", headers, signal, turn })
  const range = rangeOf(answer)
  if (answer.status === 416 && range?.total === start)
    return atEnd(agent, turn, { key, address }, etag, answer.body, signal)
  const wrong = answer.status >= 300 ? statusFault(answer, address) : undefined
  const total = range ? range.total : lengthOf(answer.headers)
  const facts = factsOf(key, answer.headers, total)
  const from = answer.status === 206 ? range?.from : 0
  const fault =
    wrong ??
    (etag !== undefined && facts.etag !== etag ? changed(address) : undefined) ??
    (from === start || from === 0
      ? undefined
      : new Fault("corrupt", "source.range", `${shown(address)} sent another part than was asked for.`))
  if (fault) {
    answer.body.destroy()
    throw fault
  }
  const expected = total === undefined ? undefined : total - (from ?? 0)
  const opened = translated(answer.body, expected, shown(address))
  return from === start ? { facts, ...opened } : { facts, body: skipping(opened.body, start) }
}

async function atEnd(
  agent: Agent,
  turn: Turn,
  target: Target,
  etag: string | undefined,
  body: Body,
  signal?: AbortSignal,
): Promise<Opened> {
  body.destroy()
  const facts = await statAddress(agent, turn, target, signal ? { signal } : {})
  if (!facts || (etag !== undefined && facts.etag !== etag)) throw changed(target.address)
  return { facts, body: emptyBody }
}

const changed = (address: string) =>
  new Fault("stale", "source.changed", `${shown(address)} changed while it was read.`)

function factsOf(key: string, headers: IncomingHttpHeaders, size: number | undefined): Facts {
  const text = (name: string) => (typeof headers[name] === "string" ? headers[name] : undefined)
  const mtime = Date.parse(text("last-modified") ?? "")
  const fields = {
    size,
    etag: versionOf(headers, size),
    mtime: Number.isNaN(mtime) ? undefined : mtime,
    contentType: text("content-type"),
    cacheControl: text("cache-control"),
    contentDisposition: text("content-disposition"),
    contentEncoding: text("content-encoding"),
    contentLanguage: text("content-language"),
  }
  return { key, ...definedOf(fields) }
}

function definedOf<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const defined: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const name in fields) if (fields[name] !== undefined) Object.assign(defined, { [name]: fields[name] })
  return defined
}

/** The ETag (a weak one as `W/…`), or one made of time and size; `undefined` where the server tells nothing that changes. */
export function versionOf(headers: IncomingHttpHeaders, size: number | undefined): string | undefined {
  if (headers.etag) return headers.etag.replaceAll('"', "")
  const modified = headers["last-modified"]
  if (!modified) return undefined
  return `m-${createHash("sha256").update(`${modified} ${size}`).digest("base64url").slice(0, 16)}`
}

export function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers["content-length"]
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined
}

export function rangeOf({
  headers,
}: Pick<Answer, "headers">):
  | { readonly from: number | undefined; readonly total: number | undefined }
  | undefined {
  const [, from, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers["content-range"] ?? "") ?? []
  if (total === undefined) return undefined
  return {
    from: from === undefined ? undefined : Number(from),
    total: total === "*" ? undefined : Number(total),
  }
}
