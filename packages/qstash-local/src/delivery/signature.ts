import { createHash, createHmac, randomUUID } from "node:crypto"

export const devCredentials = {
  token: "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
  currentSigningKey: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
  nextSigningKey: "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
} as const

const header = encode({ alg: "HS256", typ: "JWT" })
const lifetimeSeconds = 300

/**
 * The `Upstash-Signature` of one delivery attempt: a JWT (HS256) that binds the destination, exactly as it
 * was published, and the raw bytes of the body. `at` in ms.
 * Source: Upstash docs, QStash > How To > Verify Signatures; `nbf` is 0 since the changelog of September 2024.
 */
export function sign(key: string, url: string, body: Buffer, at: number): string {
  const iat = Math.floor(at / 1000)
  const claims = encode({
    iss: "Upstash",
    sub: url,
    exp: iat + lifetimeSeconds,
    nbf: 0,
    iat,
    jti: `jwt_${randomUUID().replaceAll("-", "")}`,
    body: createHash("sha256").update(body).digest("base64url"),
  })
  const signed = `${header}.${claims}`
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`
}

function encode(part: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url")
}
