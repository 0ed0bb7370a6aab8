import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import type { Incoming } from "../http/incoming.ts"
import type { Target } from "../http/target.ts"
import type { Claim } from "./authenticate.ts"
import { isoSeconds, maxSkewMs, readAmzDate } from "./dates.ts"
import { checkScope, readCredential } from "./header.ts"

const weekSeconds = 604_800
const names = [
  "X-Amz-Algorithm",
  "X-Amz-Credential",
  "X-Amz-Signature",
  "X-Amz-Date",
  "X-Amz-SignedHeaders",
  "X-Amz-Expires",
] as const

export const isPresigned = ({ query }: Target) =>
  query.size > 0 && (query.has("X-Amz-Algorithm") || query.has("X-Amz-Signature") || query.has("Signature"))

/** Reads a signature in the query and whether it is good now: at most a week, from its date on (Amazon S3 API Reference: Authenticating Requests: Using Query Parameters). */
export function readPresigned({ target: { query } }: Incoming, context: Context, now: number): Claim {
  if (query.has("Signature"))
    throw refusal(
      "InvalidRequest",
      "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
  const [algorithm, credential, signature, amzDate, signedHeaders, expires] = names.map((name) => {
    const value = query.get(name)
    if (!value) throw refusal("AuthorizationQueryParametersError")
    return value
  })
  if (algorithm !== "AWS4-HMAC-SHA256")
    throw refuse('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"')
  const { accessKeyId, scope } = readCredential(credential ?? "", (message) => refuse(ofQuery(message)))
  checkScope(scope, context.region, (message, detail) => refuse(ofQuery(message), detail))
  const time = readAmzDate(amzDate)
  if (time === undefined)
    throw refuse("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  if (amzDate?.slice(0, 8) !== scope.date)
    throw refuse(
      `Invalid credential date "${scope.date}". This date is not the same as X-Amz-Date: "${amzDate?.slice(0, 8)}".`,
    )
  checkExpiry(time, readExpires(expires ?? ""), now)
  return {
    accessKeyId,
    scope,
    amzDate,
    signedHeaders: (signedHeaders ?? "").toLowerCase().split(";"),
    signature: signature ?? "",
    presigned: true,
  }
}

const ofQuery = (message: string) =>
  message.replace("The authorization header is malformed; ", "Error parsing the X-Amz-Credential parameter; ")

const refuse = (message: string, detail?: { Region: string }) =>
  refusal("AuthorizationQueryParametersError", message, detail)

function readExpires(text: string): number {
  if (!/^-?\d+$/.test(text)) throw refuse("X-Amz-Expires should be a number")
  const seconds = Number(text)
  if (seconds < 0) throw refuse("X-Amz-Expires must be non-negative")
  if (seconds > weekSeconds)
    throw refuse(
      "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
    )
  return seconds
}

function checkExpiry(time: number, seconds: number, now: number) {
  if (time - now > maxSkewMs)
    throw refusal("AccessDenied", "Request is not valid yet", { ServerTime: isoSeconds(now) })
  const until = time + seconds * 1000
  if (now > until)
    throw refusal("AccessDenied", "Request has expired", {
      "X-Amz-Expires": seconds,
      Expires: isoSeconds(until),
      ServerTime: isoSeconds(now),
    })
}
