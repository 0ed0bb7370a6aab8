import { refusal } from "../errors.ts"
import type { Incoming } from "../http/incoming.ts"

/** What a request claims of its body. `text` is the words that were signed. */
export type PayloadClaim = { readonly text: string } & (
  | { readonly kind: "unsigned" }
  | { readonly kind: "hash"; readonly sha256: string }
  | { readonly kind: "chunked"; readonly signed: boolean; readonly trailer: boolean }
)

const chunked: Readonly<Record<string, { readonly signed: boolean; readonly trailer: boolean }>> = {
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": { signed: true, trailer: false },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": { signed: true, trailer: true },
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER": { signed: false, trailer: true },
}

/** Reads `x-amz-content-sha256`; presigned requests may leave it out. */
export function readPayloadClaim({ headers, target }: Incoming, presigned: boolean): PayloadClaim {
  const header = headers["x-amz-content-sha256"]?.toString()
  const text = header ?? (presigned ? (target.query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD") : "")
  if (text === "UNSIGNED-PAYLOAD") return { text, kind: "unsigned" }
  if (/^[0-9a-f]{64}$/.test(text)) return { text, kind: "hash", sha256: text }
  const streaming = Object.hasOwn(chunked, text) ? chunked[text] : undefined
  if (streaming) return { text, kind: "chunked", ...streaming }
  if (!text) throw refusal("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
  throw refusal(
    "InvalidArgument",
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
    { ArgumentName: "x-amz-content-sha256", ArgumentValue: text },
  )
}
