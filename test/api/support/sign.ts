import { createHash, createHmac } from "node:crypto"

type Token = {
  readonly body: string | Buffer
  readonly url: string
  readonly key: string
  /** Seconds since 1970. */
  readonly now: number
  readonly header?: object
  readonly claims?: object
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

/** A signature as QStash makes it, or nearly: `header` and `claims` change parts of it. */
export function sign({ body, url, key, now, header, claims }: Token): string {
  const hash = createHash("sha256").update(body).digest("base64url")
  const content = [
    part({ alg: "HS256", typ: "JWT", ...header }),
    part({
      iss: "Upstash",
      sub: url,
      exp: now + 300,
      nbf: now,
      iat: now,
      jti: "jwt_1",
      body: hash,
      ...claims,
    }),
  ].join(".")
  return `${content}.${createHmac("sha256", key).update(content).digest("base64url")}`
}
