import { baseUrl, configuredUrl, noBaseUrl, servedUnder } from "../settings.ts"

/** Where QStash delivers, and where it reports what it could not deliver. Fixed: nothing of a request goes into them. */
export const webhookPath = "/api/v1/webhooks/qstash"
export const failurePath = `${webhookPath}/failure` as const
export type WebhookPath = typeof webhookPath | typeof failurePath

let self: URL | undefined

/**
 * The complete address of one of our webhooks, to publish to: BASE_URL, else the linked worker's URL, else the name
 * under which AWS serves this very function, as its first delivery told (it can't be told its own URL: a cycle).
 * Fault `unavailable settings.missing` where there is none.
 *
 * The SDK puts this string unencoded behind its own path, where dot segments could climb out and take the message to
 * another host; so it is made of a parsed base and a constant only, and checked afterwards.
 */
export const publishTo = (path: WebhookPath): string => under(baseUrl() ?? self, path)

/** The address that a delivery to this function must have been published to: what its signature says, exactly. */
export function deliveredTo(path: WebhookPath, domainName: string | undefined): string {
  self = servedUnder(domainName) ?? self
  return under(configuredUrl() ?? self ?? baseUrl(), path)
}

function under(base: URL | undefined, path: WebhookPath): string {
  if (!base) throw noBaseUrl()
  const address = base.origin + base.pathname.replace(/\/+$/, "") + path
  if (new URL(address).href !== address) throw new Error(`Not a canonical address: ${address}`)
  return address
}
