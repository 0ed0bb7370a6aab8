import type { IncomingHttpHeaders } from "node:http"
import { Fault, type FaultOptions, type Kind } from "@imgmigrator/core/fault"
import { retryAfter } from "../http/faults.ts"
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

type Meaning = readonly [kind: Kind, code: string, text: string]

/** Of the whole store (Amazon S3 API Reference: Error Responses). What follows a name stands behind "what" in the message. */
const ofStore: Readonly<Record<string, Meaning>> = {
  ...each(
    [
      "InvalidAccessKeyId",
      "SignatureDoesNotMatch",
      "InvalidSecurity",
      "AuthFailure",
      "Unauthorized",
      "MissingSecurityHeader",
    ],
    ["denied", "credentials", "refuses the credentials: the access key or its secret is wrong"],
  ),
  ...each(
    ["ExpiredToken", "TokenRefreshRequired", "InvalidToken", "RequestExpired"],
    [
      "denied",
      "credentials",
      "refuses the credentials: the session has expired or its token is wrong; renew it and resume",
    ],
  ),
  ...each(
    ["AccountProblem", "AllAccessDisabled", "NotSignedUp", "AccountSuspended"],
    ["denied", "credentials", "refuses the account: it is closed or suspended"],
  ),
  RequestTimeTooSkewed: [
    "unavailable",
    "clock",
    "refuses the time of the request: a clock is wrong by more than 15 minutes",
  ],
  NoSuchBucket: ["missing", "missing", "is not there: there is no such bucket"],
  InvalidBucketName: ["invalid", "missing", "is not there: the bucket's name is not valid"],
  ...each(
    [
      "QuotaExceeded",
      "StorageFull",
      "XMinioStorageFull",
      "XMinioAdminBucketQuotaExceeded",
      "InsufficientStorage",
    ],
    ["conflict", "full", "is full or its quota is used up; make room and resume"],
  ),
  ...each(
    [
      "KMS.DisabledException",
      "KMS.InvalidStateException",
      "KMS.NotFoundException",
      "KMS.AccessDeniedException",
    ],
    ["denied", "encryption", "can't use its KMS key; enable it or allow its use and resume"],
  ),
  NotImplemented: ["invalid", "unsupported", "can't do what was asked of it"],
}

const ofItem: Readonly<Record<string, Meaning>> = {
  NoSuchKey: ["missing", "missing", "is not there"],
  NoSuchVersion: ["missing", "missing", "is not there"],
  AccessDenied: ["denied", "denied", "may not be used: access denied"],
  InvalidObjectState: ["denied", "archived", "is archived; restore it first"],
  KeyTooLongError: ["invalid", "name", "has a key of more than 1,024 bytes"],
  MetadataTooLarge: ["invalid", "metadata", "has more than 2 KB of metadata"],
  EntityTooLarge: ["too_large", "too_large", "is larger than the store allows"],
  ...each(
    [
      "BadDigest",
      "XAmzContentSHA256Mismatch",
      "XAmzContentChecksumMismatch",
      "InvalidDigest",
      "IncompleteBody",
    ],
    ["corrupt", "corrupt", "was damaged on its way: the checksum that arrived is another"],
  ),
  ...each(
    [
      "SlowDown",
      "ServiceUnavailable",
      "InternalError",
      "RequestTimeout",
      "OperationAborted",
      "ConditionalRequestConflict",
      "TooManyRequests",
      "BandwidthLimitExceeded",
      "TemporaryRedirect",
      "503",
      "Busy",
    ],
    ["unavailable", "busy", "can't be used just now"],
  ),
}

const wrongRegion = [
  "PermanentRedirect",
  "AuthorizationHeaderMalformed",
  "IllegalLocationConstraintException",
  "InvalidRegionName",
]

/** The one place that knows what S3's errors mean. No message holds anything of the request but the key and the bucket. */
export function s3Fault(refusal: Refusal, about: About): Fault {
  const { status, code, region, retryAfterMs } = refusal
  const options: FaultOptions = { ...(retryAfterMs !== undefined && { retryAfterMs }) }
  if (wrongRegion.includes(code) || status === 301)
    return new Fault("invalid", "store.region", regionText(about.store, region), { scope: "store" })
  if (status === 412 || code === "PreconditionFailed") return changed(about)
  if (code === "NoSuchUpload")
    return new Fault("missing", "upload.missing", `The upload of ${about.what} is gone; it must begin again.`)
  const store =
    ofStore[code] ??
    (status === 401 ? ofStore.Unauthorized : status === 507 ? ofStore.StorageFull : undefined)
  if (store)
    return new Fault(store[0], `store.${store[1]}`, `${about.store} ${store[2]}.`, {
      ...options,
      scope: "store",
    })
  const [kind, name, text] = ofItem[code] ?? byStatus(status, code)
  const scope = about.side === "store" && kind !== "unavailable" ? "store" : "item"
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

function each(codes: readonly string[], meaning: Meaning): Record<string, Meaning> {
  return Object.fromEntries(codes.map((code) => [code, meaning]))
}
