import type { IncomingHttpHeaders } from "node:http"
import { Fault, type FaultOptions } from "@imgmigrator/core/fault"
import { retryAfter } from "../http/faults.ts"
import { type Meaning, ofItem, ofStore, wrongRegion } from "./meanings.ts"
import { elementText } from "./xml.ts"

/** What S3 did not want, as it said it. */
export type Refusal = {
  readonly status: number
  /** S3's own code, `""` where the answer had no body (HEAD). */
  readonly code: string
  /** Where the bucket is, when that is what is wrong. */
  readonly region?: string
  readonly retryAfterMs?: number
  /** What the server's clock says, in ms. */
  readonly time?: number
}

export function refusalOf(status: number, headers: IncomingHttpHeaders, body: string): Refusal {
  const region = headers["x-amz-bucket-region"] ?? elementText(body, "Region")
  const wait = retryAfter(headers["retry-after"], Date.now())
  const time = Date.parse(headers.date ?? "")
  return {
    status,
    code: elementText(body, "Code")?.slice(0, 64) ?? "",
    ...(typeof region === "string" && { region }),
    ...(wait !== undefined && { retryAfterMs: wait }),
    ...(!Number.isNaN(time) && { time }),
  }
}

/** Whose the request was, which decides how a fault is called. `what`: the key or the store, for the message. */
export type About = {
  readonly side: "source" | "destination" | "store"
  readonly what: string
  readonly store: string
}

/** The one place that knows what S3's errors mean. No message holds anything of the request but the key and the bucket. */
export function s3Fault(refusal: Refusal, about: About): Fault {
  const { status, code, region, retryAfterMs } = refusal
  const options: FaultOptions = { ...(retryAfterMs !== undefined && { retryAfterMs }) }
  if (wrongRegion.includes(code) || status === 301)
    return new Fault("invalid", "store.region", regionText(about.store, region), { scope: "store" })
  if (status === 412 || code === "PreconditionFailed") return changed(about)
  if (code === "NoSuchUpload")
    return new Fault("stale", "upload.missing", `The upload of ${about.what} is gone; it must begin again.`)
  const store =
    ofStore[code] ??
    (status === 401 ? ofStore.Unauthorized : status === 507 ? ofStore.StorageFull : undefined)
  if (store)
    return new Fault(store[0], `store.${store[1]}`, `${about.store} ${store[2]}.`, {
      ...options,
      scope: "store",
    })
  const [kind, name, text] = ofItem[code] ?? byStatus(status, code)
  const scope = about.side === "store" ? "store" : "item"
  return new Fault(kind, `${about.side}.${name}`, `${about.what} ${text}.`, { ...options, scope })
}

function byStatus(status: number, code: string): Meaning {
  if (status === 403) return ["denied", "denied", "may not be used: access denied"]
  if (status === 404 || status === 410) return ["missing", "missing", "is not there"]
  if (status === 408 || status === 425 || status === 429 || status >= 500 || status === 307)
    return ["unavailable", "busy", "can't be used just now"]
  return [
    "invalid",
    "rejected",
    `was refused by the store (${status}${code && /^[\w.-]+$/.test(code) ? ` ${code}` : ""})`,
  ]
}

const changed = ({ side, what }: About) =>
  side === "source"
    ? new Fault("stale", "source.changed", `${what} changed while it was read.`)
    : new Fault("conflict", "destination.changed", `${what} is not as it was when this was planned.`)

const regionText = (store: string, region: string | undefined) =>
  region && /^[a-z0-9-]+$/.test(region)
    ? `${store} is in the region ${region}: write region=${region}.`
    : `${store} is in another region: write region= with its name.`
