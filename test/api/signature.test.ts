import { randomBytes } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { Receiver } from "@upstash/qstash"
import { expect, test } from "vitest"
import { verify } from "../../packages/functions/src/webhooks/signature.ts"
import { sign } from "./support/sign.ts"

const url = "https://worker.example.com/api/v1/webhooks/qstash"
const keys = ["sig_current", "sig_next"]
const key = "sig_current"
const body = '{"migration_id":123,"user_id":1}'
const now = Math.floor(Date.now() / 1000)

type Case = {
  readonly name: string
  readonly signature: string
  readonly body?: string
  readonly url?: string
}

const receiver = new Receiver({
  currentSigningKey: "sig_current",
  nextSigningKey: "sig_next",
  devMode: false,
})
const ours = (each: Case) => {
  try {
    verify({
      signature: each.signature,
      body: Buffer.from(each.body ?? body),
      url: each.url ?? url,
      keys,
      now,
    })
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(Fault)
    return false
  }
}
const theirs = (each: Case) =>
  receiver
    .verify({ signature: each.signature, body: each.body ?? body, url: each.url ?? url, clockTolerance: 10 })
    .catch(() => false)

const good = sign({ body, url, key, now })
const [goodHeader, goodClaims, goodMac] = good.split(".")
const padded = Buffer.from(good.split(".")[1] ?? "", "base64url").toString()
const hash: string = JSON.parse(padded).body

const accepted: Case[] = [
  { name: "signed with the current key", signature: good },
  { name: "signed with the next key", signature: sign({ body, url, key: "sig_next", now }) },
  { name: "from 299 s ago", signature: sign({ body, url, key, now: now - 299 }) },
  { name: "just expired, within the tolerance", signature: sign({ body, url, key, now: now - 305 }) },
  { name: "from a clock 8 s ahead", signature: sign({ body, url, key, now: now + 8 }) },
  {
    name: "valid from the beginning of time (nbf 0)",
    signature: sign({ body, url, key, now, claims: { nbf: 0 } }),
  },
  { name: "with a padded body hash", signature: sign({ body, url, key, now, claims: { body: `${hash}=` } }) },
]

test.for(accepted)("accepted by us and by the SDK: $name", async (each) => {
  expect(ours(each)).toBe(true)
  expect(await theirs(each)).toBe(true)
})

const flipped = `${goodMac?.startsWith("A") ? "B" : "A"}${goodMac?.slice(1)}`
const refused: Case[] = [
  { name: "no signature at all", signature: "" },
  { name: "no JWT", signature: "x.y" },
  { name: "four parts", signature: `${good}.x` },
  { name: "a bit of the MAC flipped", signature: `${goodHeader}.${goodClaims}.${flipped}` },
  { name: "no MAC", signature: `${goodHeader}.${goodClaims}.` },
  { name: "an unknown key", signature: sign({ body, url, key: "sig_other", now }) },
  { name: "an empty key", signature: sign({ body, url, key: "", now }) },
  {
    name: "the public development key",
    signature: sign({ body, url, key: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r", now }),
  },
  { name: "another issuer", signature: sign({ body, url, key, now, claims: { iss: "Upstasch" } }) },
  { name: "another address", signature: sign({ body, url: `${url}/failure`, key, now }) },
  { name: "the address with a slash more", signature: sign({ body, url: `${url}/`, key, now }) },
  { name: "the address with a query", signature: sign({ body, url: `${url}?a=b`, key, now }) },
  { name: "expired by 11 s", signature: sign({ body, url, key, now: now - 312 }) },
  { name: "not valid for another 12 s", signature: sign({ body, url, key, now, claims: { nbf: now + 12 } }) },
  { name: "another body", signature: good, body: `${body} ` },
  { name: "an empty body", signature: good, body: "" },
  {
    name: "a body hash cut short",
    signature: sign({ body, url, key, now, claims: { body: hash.slice(0, -2) } }),
  },
]

test.for(refused)("refused by us and by the SDK: $name", async (each) => {
  expect(ours(each)).toBe(false)
  expect(await theirs(each)).toBe(false)
})

const stricter: Case[] = [
  { name: "signed by the algorithm none", signature: sign({ body, url, key, now, header: { alg: "none" } }) },
  {
    name: "another algorithm named than used",
    signature: sign({ body, url, key, now, header: { alg: "HS512" } }),
  },
  { name: "no expiry", signature: sign({ body, url, key, now, claims: { exp: undefined } }) },
  { name: "no body hash", signature: sign({ body, url, key, now, claims: { body: undefined } }) },
  {
    name: "claims that are no object",
    signature: sign({ body, url, key, now, claims: { iss: { toString: 1 } } }),
  },
]

test.for(stricter)("refused: $name", (each) => {
  expect(ours(each)).toBe(false)
})

test("bytes that are no UTF-8 verify as they are, and not as anything else", () => {
  const bytes = Buffer.concat([Buffer.from([0xff, 0xfe, 0x00]), randomBytes(64)])
  const signature = sign({ body: bytes, url, key, now })
  expect(() => verify({ signature, body: bytes, url, keys, now })).not.toThrow()
  expect(() => verify({ signature, body: Buffer.from(bytes.toString()), url, keys, now })).toThrow(
    "Invalid signature",
  )
})

test("during a rotation a receiver with the old pair takes the new current key, and one with the new pair the old next", () => {
  const after = ["sig_next", "sig_after"]
  const signature = sign({ body, url, key: "sig_next", now })
  for (const pair of [keys, after])
    expect(() => verify({ signature, body: Buffer.from(body), url, keys: pair, now })).not.toThrow()
  const old = sign({ body, url, key: "sig_current", now })
  expect(() => verify({ signature: old, body: Buffer.from(body), url, keys: after, now })).toThrow(
    "another key",
  )
})

test.for([
  ["it has expired", sign({ body, url, key, now: now - 400 })],
  ["compare BASE_URL", sign({ body, url: "https://other.example/", key, now })],
  ["compare QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY", sign({ body, url, key: "no", now })],
  ["the header Upstash-Signature is missing", undefined],
] as const)("the reason is told: %s", ([reason, signature]) => {
  const attempt = () => verify({ signature, body: Buffer.from(body), url, keys, now })
  expect(attempt).toThrow(/^Invalid signature: /)
  expect(attempt).toThrow(reason)
})
