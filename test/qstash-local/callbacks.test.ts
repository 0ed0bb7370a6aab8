import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

test("a callback hears of every attempt, as a signed message of its own", async () => {
  const { client, clock, receiver, verifier } = await startWorld()
  receiver.answer(({ path, headers }) => {
    if (path === "/callback") return {}
    const isLast = headers["upstash-retried"] === "1"
    return { status: isLast ? 201 : 503, headers: { "x-answer": "yes" }, body: isLast ? "done" : "busy" }
  })
  const published = clock.now()
  const { messageId } = await client.publish({
    url: `${receiver.url}/work`,
    body: Buffer.from("wörk").toString(),
    headers: { "X-Own": "1", "Content-Type": "text/plain" },
    callback: `${receiver.url}/callback`,
  })
  await clock.advance("12s")
  expect(receiver.paths()).toEqual(["/work", "/callback", "/work", "/callback"])
  const [first, second] = [receiver.deliveries[1], receiver.deliveries[3]]
  expect(JSON.parse(String(first?.body))).toMatchObject({ status: 503, retried: 0 })
  expect(JSON.parse(String(second?.body))).toEqual({
    status: 201,
    header: expect.objectContaining({ "X-Answer": ["yes"] }),
    body: Buffer.from("done").toString("base64"),
    retried: 1,
    maxRetries: 3,
    sourceMessageId: messageId,
    url: `${receiver.url}/work`,
    method: "POST",
    sourceHeader: { "X-Own": ["1"], "Content-Type": ["text/plain"] },
    sourceBody: Buffer.from("wörk").toString("base64"),
    notBefore: published + 12_000,
    createdAt: published,
    callerIP: "127.0.0.1",
  })
  expect(first?.headers["upstash-message-id"]).not.toBe(messageId)
  const signature = String(first?.headers["upstash-signature"])
  expect(
    await verifier.verify({ signature, body: String(first?.body), url: `${receiver.url}/callback` }),
  ).toBe(true)
})

test("a callback is configured by headers of its own, and has the retries of its source unless told otherwise", async () => {
  const { call, clock, receiver } = await startWorld()
  receiver.answer(({ path }) => ({ status: path === "/work" ? 200 : 500 }))
  const publish = (headers: Record<string, string>) =>
    call("POST", `/v2/publish/${receiver.url}/work`, {
      "upstash-callback": `${receiver.url}/callback`,
      ...headers,
    })
  await publish({
    "upstash-retries": "5",
    "upstash-callback-method": "PUT",
    "upstash-callback-retries": "1",
    "upstash-callback-retry-delay": "1000",
    "upstash-callback-forward-who": "me",
  })
  await clock.advance("1d")
  expect(receiver.deliveries.slice(1)).toMatchObject([
    { method: "PUT", headers: { who: "me", "upstash-retried": "0" } },
    { method: "PUT", headers: { who: "me", "upstash-retried": "1" } },
  ])
  await publish({ "upstash-retries": "2" })
  await clock.advance("30d")
  expect(receiver.paths().slice(3)).toEqual(["/work", "/callback", "/callback", "/callback"])
})

test.for(["callback", "failure-callback"])("a delayed %s is refused when it is published", async (name) => {
  const { call, receiver } = await startWorld()
  const headers = { [`upstash-${name}`]: receiver.url, [`upstash-${name}-delay`]: "10s" }
  expect((await call("POST", `/v2/publish/${receiver.url}`, headers)).status).toBe(400)
})

test.for(["ftp://x", "x.test", ""])("the callback %j is refused", async (url) => {
  const { call, receiver } = await startWorld()
  for (const name of ["upstash-callback", "upstash-failure-callback"])
    expect((await call("POST", `/v2/publish/${receiver.url}`, { [name]: url })).status).toBe(400)
})

test("on the last failure both callbacks are called; without a receiver the reason stands for the answer", async () => {
  const { client, clock, receiver } = await startWorld()
  await client.publish({
    url: "http://127.0.0.1:1/nobody",
    body: "",
    retries: 0,
    callback: `${receiver.url}/callback`,
    failureCallback: `${receiver.url}/failure`,
  })
  await clock.advance(0)
  expect(receiver.paths().sort()).toEqual(["/callback", "/failure"])
  const failure = JSON.parse(String(receiver.deliveries.find(({ path }) => path === "/failure")?.body))
  expect(failure).toMatchObject({ status: 0, dlqId: expect.stringMatching(/^\d+-0$/) })
  expect(Buffer.from(failure.body, "base64").toString()).toContain("ECONNREFUSED")
  const [letter] = (await client.dlq.listMessages()).messages
  expect(letter).not.toHaveProperty("responseStatus")
  expect(letter).not.toHaveProperty("responseHeader")
  expect(letter).toMatchObject({ responseBody: expect.stringContaining("ECONNREFUSED") })
})

test("a response is cut at the size of a message", async () => {
  const { client, clock, receiver } = await startWorld({ quota: "free" })
  const large = Buffer.alloc(1024 * 1024 + 5000, "x")
  receiver.answer(({ path }) => (path === "/callback" ? {} : { body: large }))
  await client.publish({ url: `${receiver.url}/work`, body: "", callback: `${receiver.url}/callback` })
  await clock.advance(0)
  const { body } = JSON.parse(String(receiver.deliveries[1]?.body))
  expect(Buffer.from(body, "base64")).toHaveLength(1024 * 1024)
})

test("what is redacted is delivered as it is, and shown nowhere", async () => {
  const { client, call, clock, receiver } = await startWorld({ answering: () => ({ status: 500 }) })
  const publish = (redact: { body?: true; header?: true | string[] }, delay: number) =>
    client.publish({
      url: receiver.url,
      body: "secret",
      headers: { Authorization: "key", Other: "o" },
      retries: 0,
      redact,
      delay,
    })
  const hash = "REDACTED:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
  const all = await publish({ body: true, header: true }, 1)
  const one = await publish({ header: ["authorization"] }, 2)
  const shown = async (id: string) => (await call("GET", `/v2/messages/${id}`)).body
  expect(await shown(all.messageId)).toMatchObject({
    body: hash,
    header: { Other: [expect.stringMatching(/^REDACTED:/)] },
  })
  expect(await shown(one.messageId)).toMatchObject({
    body: "secret",
    header: { Authorization: [expect.stringMatching(/^REDACTED:[0-9a-f]{64}$/)], Other: ["o"] },
  })
  await clock.advance("1s")
  expect(receiver.deliveries[0]).toMatchObject({
    body: Buffer.from("secret"),
    headers: { authorization: "key" },
  })
  const everything = JSON.stringify([
    (await call("GET", `/v2/events?messageId=${all.messageId}`)).body,
    (await call("GET", `/v2/dlq?messageId=${all.messageId}`)).body,
  ])
  expect(everything).not.toContain("secret")
  expect(everything).not.toContain(Buffer.from("secret").toString("base64"))
  expect(everything).not.toContain('"key"')
  const [letter] = (await client.dlq.listMessages()).messages
  await client.dlq.retry(letter?.dlqId ?? "")
  await clock.advance(0)
  expect(receiver.deliveries[1]).toMatchObject({
    body: Buffer.from("secret"),
    headers: { authorization: "key" },
  })
  expect(
    (await call("POST", `/v2/publish/${receiver.url}`, { "upstash-redact-fields": "everything" })).status,
  ).toBe(400)
})
