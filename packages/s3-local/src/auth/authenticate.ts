import { timingSafeEqual } from "node:crypto"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import type { Incoming } from "../http/incoming.ts"
import { canonicalRequest, hmacHex, type Scope, stringToSign } from "./canonical.ts"
import { readAuthorization } from "./header.ts"
import { type PayloadClaim, readPayloadClaim } from "./payload-claim.ts"
import { isPresigned, readPresigned } from "./presigned.ts"

/** What a request says of itself, wherever it says it. */
export type Claim = {
  readonly accessKeyId: string
  readonly scope: Scope
  readonly amzDate: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly presigned: boolean
}

export type Auth = Claim & { readonly payload: PayloadClaim; readonly signingKey: Buffer }

/** Checks who sent a request and that nothing was changed on the way; throws what S3 answers to each failure. */
export function authenticate(incoming: Incoming, context: Context, now: number): Auth {
  const claim = readClaim(incoming, context, now)
  if (claim.accessKeyId !== context.accessKeyId)
    throw refusal("InvalidAccessKeyId", undefined, { AWSAccessKeyId: claim.accessKeyId })
  checkToken(incoming, context)
  checkSignedHeaders(incoming, claim)
  const payload = readPayloadClaim(incoming, claim.presigned)
  const signingKey = context.signingKey(claim.scope)
  const { method, target, headerValues: headers } = incoming
  const text = canonicalRequest({
    method,
    target,
    headers,
    signedHeaders: claim.signedHeaders,
    payloadHash: payload.text,
  })
  const toSign = stringToSign(claim.amzDate, claim.scope, text)
  if (!same(hmacHex(signingKey, toSign), claim.signature)) throw mismatch(claim, toSign, text)
  return { ...claim, payload, signingKey }
}

function readClaim(incoming: Incoming, context: Context, now: number): Claim {
  const { authorization } = incoming.headers
  const presigned = isPresigned(incoming.target)
  if (authorization !== undefined && presigned)
    throw refusal(
      "InvalidArgument",
      "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
      { ArgumentName: "Authorization", ArgumentValue: authorization },
    )
  if (presigned) return readPresigned(incoming, context, now)
  if (authorization !== undefined) return readAuthorization(incoming, context, now)
  throw refusal("AccessDenied")
}

/** There is one key pair; a session token is good only if the server was started with the same. */
function checkToken({ headers, target }: Incoming, context: Context) {
  const token = headers["x-amz-security-token"] ?? target.query.get("X-Amz-Security-Token")
  if (token !== undefined && token !== context.sessionToken)
    throw refusal("InvalidToken", undefined, { "Token-0": String(token) })
}

/** The host and every x-amz-* header must be signed, so that nobody on the way can add one. */
function checkSignedHeaders({ headers }: Incoming, claim: Claim) {
  const unsigned = ["host", ...Object.keys(headers)].filter(
    (name) => (name === "host" || name.startsWith("x-amz-")) && !claim.signedHeaders.includes(name),
  )
  if (unsigned.length > 0)
    throw refusal("AccessDenied", "There were headers present in the request which were not signed", {
      HeadersNotSigned: [...new Set(unsigned)].join(", "),
    })
}

export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const hexBytes = (text: string) =>
  Buffer.from(text, "latin1")
    .toString("hex")
    .replace(/..(?!$)/g, "$& ")

const mismatch = (claim: Claim, toSign: string, request: string) =>
  refusal("SignatureDoesNotMatch", undefined, {
    AWSAccessKeyId: claim.accessKeyId,
    StringToSign: toSign,
    SignatureProvided: claim.signature,
    StringToSignBytes: hexBytes(toSign),
    CanonicalRequest: request,
    CanonicalRequestBytes: hexBytes(request),
  })
