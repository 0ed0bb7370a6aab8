import type { Context } from "../context.ts"
import { type Refusal, refusal } from "../errors.ts"
import type { Incoming } from "../http/incoming.ts"
import type { Claim } from "./authenticate.ts"
import type { Scope } from "./canonical.ts"
import { checkSkew, readAmzDate, toAmzDate } from "./dates.ts"

/** Reads `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`. */
export function readAuthorization({ headers }: Incoming, context: Context, now: number): Claim {
  const authorization = headers.authorization ?? ""
  const [mechanism = "", ...rest] = authorization.split(" ")
  if (mechanism !== "AWS4-HMAC-SHA256") throw wrongMechanism(mechanism)
  const fields = new Map(
    rest
      .join(" ")
      .split(",")
      .map((field) => splitAtEquals(field.trim())),
  )
  const [credential, signed, signature] = ["Credential", "SignedHeaders", "Signature"].map((name) =>
    required(fields.get(name), name),
  )
  const { accessKeyId, scope } = readCredential(credential ?? "", malformed)
  checkScope(scope, context.region, malformed)
  const { amzDate, time } = requestDate(headers)
  if (amzDate.slice(0, 8) !== scope.date)
    throw malformed(
      `The authorization header is malformed; Invalid credential date "${scope.date}". This date is not the same as X-Amz-Date: "${amzDate.slice(0, 8)}".`,
    )
  checkSkew(time, amzDate, now)
  return {
    accessKeyId,
    scope,
    amzDate,
    signedHeaders: (signed ?? "").toLowerCase().split(";"),
    signature: signature ?? "",
    presigned: false,
  }
}

/** `AKID/20261124/us-east-1/s3/aws4_request`; the key id may hold slashes. */
export function readCredential(text: string, refuse: (message: string) => Refusal) {
  const parts = text.split("/")
  const [terminator, service = "", region = "", date = ""] = parts.toReversed()
  const accessKeyId = parts.slice(0, -4).join("/")
  if (parts.length < 5 || !accessKeyId)
    throw refuse(
      'The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    )
  if (terminator !== "aws4_request")
    throw refuse(
      'The authorization header is malformed; the Credential is mal-formed; incorrect terminal. "aws4_request" expected.',
    )
  if (!/^\d{8}$/.test(date))
    throw refuse(
      `The authorization header is malformed; incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`,
    )
  return { accessKeyId, scope: { date, region, service } satisfies Scope }
}

export function checkScope(
  scope: Scope,
  region: string,
  refuse: (message: string, detail?: { Region: string }) => Refusal,
) {
  if (scope.service !== "s3")
    throw refuse(
      `The authorization header is malformed; incorrect service "${scope.service}". This endpoint belongs to "s3".`,
    )
  if (scope.region !== region)
    throw refuse(
      `The authorization header is malformed; the region '${scope.region}' is wrong; expecting '${region}'`,
      {
        Region: region,
      },
    )
}

const malformed = (message: string, detail?: { Region: string }) =>
  refusal("AuthorizationHeaderMalformed", message, detail)

function required(value: string | undefined, name: string): string {
  if (value) return value
  throw malformed(
    `The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature. (${name} is missing)`,
  )
}

const splitAtEquals = (field: string): [string, string] => {
  const at = field.indexOf("=")
  return at < 0 ? [field, ""] : [field.slice(0, at), field.slice(at + 1)]
}

/** `x-amz-date`, or `Date` where it is missing. */
function requestDate(headers: Incoming["headers"]) {
  const amzDate = headers["x-amz-date"]?.toString()
  const time = amzDate === undefined ? Date.parse(headers.date ?? "") : readAmzDate(amzDate)
  if (time === undefined || Number.isNaN(time))
    throw refusal("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
  return { amzDate: amzDate ?? toAmzDate(time), time }
}

/** Signatures of version 2 and SigV4A are refused, not taken for anonymous. */
function wrongMechanism(mechanism: string): Refusal {
  if (mechanism === "AWS" || mechanism.startsWith("AWS4-"))
    return refusal(
      "InvalidRequest",
      "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
  return refusal("InvalidArgument", "Unsupported Authorization Type", {
    ArgumentName: "Authorization",
    ArgumentValue: mechanism,
  })
}
