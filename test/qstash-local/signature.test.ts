import { createHash, createHmac } from "node:crypto"
import { Receiver as Verifier } from "@upstash/qstash"
import { expect, test } from "vitest"
import type { Delivery } from "./support/receiver.ts"
import { startWorld } from "./support/world.ts"

const signatureOf = (delivery: Delivery | undefined) => String(delivery?.headers["upstash-signature"])

/** Header and claims of a JWT, and whether `key` signed it; a second opinion beside the SDK's Receiver. */
function read(jwt: string, key: string) {
  const [header = "", claims = "", signature] = jwt.split(".")
  const decode = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString())
  const expected = createHmac("sha256", key).update(`${header}.${claims}`).digest("base64url")
  return { header: decode(header), claims: decode(claims), isGenuine: signature === expected }
}

test("the claims name the issuer, the destination, five minutes, and the hash of the bytes", async () => {
  const { call, clock, receiver, qstash } = await startWorld()
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
  await call("POST", `/v2/publish/${receiver.url}/b`, { "content-type": "application/octet-stream" }, bytes)
  await clock.advance(0)
  const [delivery] = receiver.deliveries
  expect(delivery?.body).toEqual(bytes)
  const { header, claims, isGenuine } = read(signatureOf(delivery), qstash.currentSigningKey)
  const iat = Math.floor(clock.now() / 1000)
  expect({ header, isGenuine }).toEqual({ header: { alg: "HS256", typ: "JWT" }, isGenuine: true })
  expect(claims).toEqual({
    iss: "Upstash",
    sub: `${receiver.url}/b`,
    exp: iat + 300,
    nbf: 0,
    iat,
    jti: expect.stringMatching(/^jwt_/),
    body: createHash("sha256").update(bytes).digest("base64url"),
  })
})

test.for(["", "/", "/?", "/a//b", "/a/../b", "/%7Euser?q=%20+", "/x?a=1&a=2#top"])(
  "the subject is the destination exactly as it was published: %j",
  async (suffix) => {
    const { call, clock, receiver, verifier } = await startWorld()
    const url = `${receiver.url}${suffix}`
    const batch = JSON.stringify([{ destination: url, body: "x" }])
    expect((await call("POST", "/v2/batch", { "content-type": "application/json" }, batch)).status).toBe(200)
    await clock.advance(0)
    const signature = signatureOf(receiver.deliveries[0])
    expect(await verifier.verify({ signature, body: "x", url })).toBe(true)
    expect(receiver.paths()).toEqual([suffix.replace(/#.*/, "").replace(/^(?!\/)/, "/")])
  },
)

test("each attempt is signed anew", async () => {
  const { client, clock, receiver, qstash } = await startWorld({ answering: () => ({ status: 500 }) })
  await client.publish({ url: receiver.url, body: "", retries: 1 })
  await clock.advance("1h")
  const [first, second] = receiver.deliveries.map(
    (each) => read(signatureOf(each), qstash.currentSigningKey).claims,
  )
  expect(second.iat - first.iat).toBe(12)
  expect(second.jti).not.toBe(first.jti)
})

test("after one rotation a receiver with the old pair still verifies, after two it does not", async () => {
  const { client, call, clock, receiver, qstash, verifier } = await startWorld()
  const deliver = async () => {
    await client.publish({ url: receiver.url, body: "x" })
    await clock.advance(0)
    return signatureOf(receiver.deliveries.at(-1))
  }
  const rotate = async () => (await call("POST", "/v2/keys/rotate")).body
  const once = await rotate()
  expect(once).toEqual({ current: qstash.nextSigningKey, next: expect.stringMatching(/^sig_/) })
  expect(await verifier.verify({ signature: await deliver(), body: "x" })).toBe(true)
  const twice = await rotate()
  expect(twice.current).toBe(once.next)
  expect((await call("GET", "/v2/keys")).body).toEqual(twice)
  await expect(verifier.verify({ signature: await deliver(), body: "x" })).rejects.toThrow()
  const current = new Verifier({
    currentSigningKey: twice.current,
    nextSigningKey: twice.next,
    devMode: false,
  })
  expect(await current.verify({ signature: await deliver(), body: "x" })).toBe(true)
})

test("keys of one's own sign instead of the public ones", async () => {
  const keys = { currentSigningKey: "sig_mine", nextSigningKey: "sig_mine_too", token: "my-token" }
  const { client, clock, receiver, verifier, qstash } = await startWorld(keys)
  expect(qstash).toMatchObject(keys)
  await client.publish({ url: receiver.url, body: "x" })
  await clock.advance(0)
  expect(await verifier.verify({ signature: signatureOf(receiver.deliveries[0]), body: "x" })).toBe(true)
})

test("headers of a publisher cannot pass for those of QStash, nor spoil the connection", async () => {
  const { call, clock, receiver, verifier } = await startWorld()
  await call(
    "POST",
    `/v2/publish/${receiver.url}`,
    {
      "upstash-forward-upstash-signature": "forged",
      "upstash-forward-upstash-message-id": "forged",
      "upstash-forward-content-length": "9999",
      "upstash-forward-transfer-encoding": "chunked",
      "upstash-forward-host": "elsewhere.test",
      "upstash-forward-connection": "close",
      "upstash-forward-user-agent": "mine",
      "upstash-forward-cookie": "a=1",
    },
    "x",
  )
  await clock.advance(0)
  const [delivery] = receiver.deliveries
  expect(await verifier.verify({ signature: signatureOf(delivery), body: "x" })).toBe(true)
  expect(delivery?.headers).toMatchObject({
    host: new URL(receiver.url).host,
    "content-length": "1",
    cookie: "a=1",
    "user-agent": "mine",
  })
  expect(delivery?.headers["upstash-message-id"]).toMatch(/^msg_/)
})

test("with Header-Forward all headers travel, but not the token", async () => {
  const { call, clock, receiver } = await startWorld()
  await call("POST", `/v2/publish/${receiver.url}`, {
    "upstash-header-forward": "true",
    "x-any": "1",
    "x-two": "2",
  })
  await call("POST", `/v2/publish/${receiver.url}`, { "x-any": "1" })
  await clock.advance(0)
  expect(receiver.deliveries[0]?.headers).toMatchObject({ "x-any": "1", "x-two": "2" })
  expect(receiver.deliveries[0]?.headers).not.toHaveProperty("authorization")
  expect(receiver.deliveries[1]?.headers).not.toHaveProperty("x-any")
})

test.for(["GET", "POST", "PUT", "PATCH", "DELETE"] as const)(
  "a %s is delivered, with its body",
  async (method) => {
    const { client, clock, receiver } = await startWorld()
    await client.publish({ url: receiver.url, body: "x", method })
    await clock.advance(0)
    expect(receiver.deliveries).toMatchObject([{ method, body: Buffer.from("x") }])
  },
)

test("a host can be resolved to a server on this machine, which sees the host that was meant", async () => {
  const { client, clock, receiver, verifier, qstash } = await startWorld()
  await qstash.close()
  const world = await startWorld({
    resolve: { "api.example.com": `${receiver.url}/prefix/`, "b.example.com:8443": receiver.url },
  })
  await world.client.publish({ url: "https://api.example.com/hook?x=1", body: "x" })
  await world.client.publish({ url: "https://b.example.com:8443/b", body: "x" })
  await world.clock.advance(0)
  await clock.advance(0)
  expect(receiver.paths().sort()).toEqual(["/b", "/prefix/hook?x=1"])
  const hook = receiver.deliveries.find(({ path }) => path !== "/b")
  expect(hook?.headers.host).toBe("api.example.com")
  expect(
    await verifier.verify({
      signature: signatureOf(hook),
      body: "x",
      url: "https://api.example.com/hook?x=1",
    }),
  ).toBe(true)
  expect(client).toBeDefined()
})
