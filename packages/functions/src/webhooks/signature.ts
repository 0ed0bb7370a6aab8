import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import * as z from "zod"

const toleranceSeconds = 10

const Header = z.object({ alg: z.literal("HS256"), typ: z.literal("JWT").optional() })
const Claims = z.object({
  iss: z.literal("Upstash"),
  sub: z.string(),
  exp: z.number(),
  nbf: z.number(),
  body: z.string(),
})

export type Signed = {
  /** The header `Upstash-Signature`: a JWT. */
  readonly signature: string | undefined
  /** The bytes as they came; a text made of them and back may differ. */
  readonly body: Buffer
  /** The address that the message was published to, exactly. */
  readonly url: string
  /** The current key, then the next one. */
  readonly keys: readonly string[]
  /** Seconds since 1970. */
  readonly now: number
}

/**
 * Did QStash send these bytes to this address, lately? (Upstash docs: QStash > Verify Signatures.) Fault
 * `denied delivery.signature` if not, with what was wrong, never with what would have been right.
 *
 * Ours rather than the SDK's, which takes the body as text (bytes that are no UTF-8 can't be verified), tells one
 * failure as another, checks the address only if told to, and believes public keys where QSTASH_DEV is set.
 */
export function verify({ signature, body, url, keys, now }: Signed): void {
  if (!signature) throw invalid("the header Upstash-Signature is missing")
  const [, header = "", claims = "", mac = ""] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(signature) ?? []
  if (!Header.safeParse(json(header)).success) throw invalid("it is no JWT signed with HS256")
  // Before a word of it is believed.
  if (!keys.some((key) => isEqual(hmac(key, `${header}.${claims}`), Buffer.from(mac, "base64url"))))
    throw invalid(
      "it was made with another key; compare QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY",
    )
  const parsed = Claims.safeParse(json(claims))
  if (!parsed.success) throw invalid("its claims are not QStash's")
  const { sub, exp, nbf, body: hash } = parsed.data
  if (sub !== url) throw invalid("it was made for another address; compare BASE_URL")
  if (exp <= now - toleranceSeconds) throw invalid("it has expired")
  if (nbf > now + toleranceSeconds) throw invalid("it is not valid yet; compare the clocks")
  if (!isEqual(createHash("sha256").update(body).digest(), Buffer.from(hash, "base64url")))
    throw invalid("the body is not the one that was signed")
}

const invalid = (reason: string) => new Fault("denied", "delivery.signature", `Invalid signature: ${reason}.`)

const hmac = (key: string, text: string) => createHmac("sha256", key).update(text).digest()

const isEqual = (a: Buffer, b: Buffer) => a.length === b.length && timingSafeEqual(a, b)

function json(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString())
  } catch {
    return undefined
  }
}
