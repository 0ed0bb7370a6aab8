import { signingKeys } from "../dispatch/settings.ts"
import { bytesOf, type HttpEvent, headersOf } from "../middleware/request.ts"
import { deliveredTo, type WebhookPath } from "./address.ts"
import { verify } from "./signature.ts"

/**
 * The body of a delivery that QStash signed for this address. Faults: `denied delivery.signature`; `too_large
 * request.too_large` over `limit` bytes, before anything is hashed; `unavailable settings.missing` without keys.
 */
export function signedBytes(event: HttpEvent, path: WebhookPath, limit: number): Buffer {
  const body = bytesOf(event, limit)
  verify({
    signature: headersOf(event)["upstash-signature"],
    body,
    url: deliveredTo(path, event.requestContext?.domainName),
    keys: signingKeys(),
    now: Date.now() / 1000,
  })
  return body
}
