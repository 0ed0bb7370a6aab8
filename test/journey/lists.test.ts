import { readdir } from "node:fs/promises"
import { createServer, type Server, type ServerResponse } from "node:http"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestService, type TestService } from "../support/service.ts"

let service: TestService
let server: Server
let origin: string
/** What the server answers, by path. */
const answers = new Map<string, (response: ServerResponse, head: boolean) => unknown>()

beforeAll(async () => {
  service = await startTestService()
  server = createServer((request, response) => {
    const answer = answers.get((request.url ?? "/").split("?")[0] ?? "/")
    if (answer) answer(response, request.method === "HEAD")
    else response.writeHead(404).end()
  }).listen(0, "127.0.0.1")
  await new Promise((resolve) => server.once("listening", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  origin = `http://127.0.0.1:${address.port}`
})
afterAll(async () => {
  await service.close()
  server.closeAllConnections()
  server.close()
})

const serve = (path: string, body: string | Buffer, type = "image/jpeg") =>
  answers.set(path, (response, head) => {
    response.writeHead(200, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      "last-modified": "Tue, 03 Mar 2026 10:00:00 GMT",
    })
    response.end(head ? undefined : body)
  })
let serial = 0
const folder = () => join(service.folder, `out-${serial++}`)
const fromList = async (name: string, content: string, destination = folder()) => {
  serve(`/${name}`, content, "text/plain")
  return {
    done: await service.migrate({ source: `${origin}/${name}`, destination: `file:${destination}` }),
    destination,
  }
}

test.for([
  ["bad-line.csv", (origin: string) => `url,name\n${origin}/a.jpg,a.jpg\nnot a url,b.jpg\n`, /line 3/i],
  ["twice.csv", (origin: string) => `url,name\n${origin}/a.jpg,x.jpg\n${origin}/b.jpg,x.jpg\n`, /x\.jpg/],
  ["empty.txt", () => "\n", /no address/],
] as const)(
  "a list that can't be right stops before anything is copied: %s",
  async ([name, content, message]) => {
    serve("/a.jpg", "a")
    serve("/b.jpg", "b")
    const { done, destination } = await fromList(name, content(origin))
    expect(done).toMatchObject({
      status: "failed",
      error: { message: expect.stringMatching(message) },
      totals: { migrated: 0 },
    })
    expect(await readdir(destination).catch(() => [])).toEqual([])
  },
)

// Side by side: both wait for what is tried again.
test.concurrent("each address fails or arrives alone: 404, a lie about the length, a private redirect, 500 three times and then well", async ({
  expect,
}) => {
  serve("/good.jpg", "good")
  let tries = 0
  answers.set("/flaky.jpg", (response, head) => {
    tries += 1
    if (tries <= 3) return response.writeHead(500).end()
    response
      .writeHead(200, { "content-type": "image/jpeg", "content-length": 5 })
      .end(head ? undefined : "flaky")
  })
  answers.set("/liar.jpg", (response, head) => {
    response.writeHead(200, { "content-type": "image/jpeg", "content-length": 100 })
    if (head) return response.end()
    response.write("short")
    response.destroy()
  })
  answers.set(
    "/inside.jpg",
    (response) =>
      void response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end(),
  )
  const urls = ["good.jpg", "flaky.jpg", "liar.jpg", "inside.jpg", "gone.jpg"].map((name) => ({
    url: `${origin}/${name}`,
    name,
  }))
  const destination = folder()
  const done = await service.migrate({ source: { type: "urls", urls }, destination: `file:${destination}` })
  expect(done).toMatchObject({
    status: "completed_with_failures",
    totals: { discovered: 5, migrated: 2, failed: 3, remaining: 0 },
  })
  // Each lane takes its temporary folder away when its delivery ends, which may be after the migration has.
  await expect.poll(async () => (await readdir(destination)).toSorted()).toEqual(["flaky.jpg", "good.jpg"])
  const failed = new Map(
    (await service.report(done.id, "&outcome=failed")).map((entry) => [entry.destination, entry]),
  )
  expect([...failed.keys()].toSorted()).toEqual(["gone.jpg", "inside.jpg", "liar.jpg"])
  expect(failed.get("gone.jpg")?.code).toBe("source.missing")
  expect(failed.get("inside.jpg")?.code).toBe("address.refused")
})

test.concurrent("a promised checksum that the bytes do not have fails that image", async ({ expect }) => {
  serve("/tampered.jpg", "tampered")
  const wrong = "0".repeat(64)
  const { done } = await fromList("sums.csv", `url,name,sha256\n${origin}/tampered.jpg,t.jpg,${wrong}\n`)
  expect(done).toMatchObject({ status: "completed_with_failures", totals: { failed: 1 } })
  expect((await service.report(done.id))[0]).toMatchObject({ outcome: "failed", code: "source.checksum" })
})
