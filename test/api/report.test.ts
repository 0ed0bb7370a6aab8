import type { Item, ItemOutcome } from "@imgmigrator/core/outcome"
import { parse } from "csv-parse/sync"
import { afterAll, beforeAll, expect, test } from "vitest"
import { csv } from "../../packages/functions/src/api/report-formats.ts"
import { call } from "./support/event.ts"
import { type Service, startService } from "./support/service.ts"

const load = async () => ({
  create: (await import("../../packages/functions/src/api/create-migration.ts")).handler,
  report: (await import("../../packages/functions/src/api/get-report.ts")).handler,
  chunks: await import("../../packages/functions/src/db/chunks.ts"),
  lanes: await import("../../packages/functions/src/db/lanes.ts"),
  lane: await import("@imgmigrator/core/lane"),
})

let service: Service
let api: Awaited<ReturnType<typeof load>>
const caller = { user_id: "ana" }
let id: string

const items = [
  "a.jpg",
  '=HYPERLINK("https://evil.example","x")',
  "+1.png",
  "-2.png",
  "@sum.png",
  'komma, "quote"\nnewline.jpg',
  "ünïcode 😀.jpg",
  "rest.jpg",
].map((key): Item => ({ key, size: 10, planned: { state: "absent" } }))
const migrated: ItemOutcome = {
  outcome: "migrated",
  bytes: 10,
  checksum: { algorithm: "sha256", value: Buffer.alloc(32, 0xfa).toString("base64"), kind: "store" },
}
const failed: ItemOutcome = { outcome: "failed", code: "source.missing", message: '=It is gone, "really".' }

beforeAll(async () => {
  service = await startService()
  api = await load()
  const body = JSON.stringify({ source: "s3://library/photos", destination: "s3://archive" })
  id = (await call(api.create, { method: "POST", body, caller })).body.id
  await api.chunks.putManifest(id, 0, 1, items)
  await api.chunks.putOutcomes(
    id,
    0,
    1,
    0,
    new Map(items.slice(0, 7).map((_, i) => [i, i === 1 ? failed : migrated])),
  )
  await api.chunks.putFailed(id, 0, 1)
  const lane = await api.lanes.readLane(id, 0)
  if (!lane) throw new Error("no lane")
  const plan = { ...api.lane.emptyPlan, chunks: 1, discovered: items.length, bytes: 80, complete: true }
  await api.lanes.saveLane(id, lane, { plan })
})
afterAll(() => service.close())

const report = (query: Record<string, string>) => call(api.report, { pathParameters: { id }, query, caller })

test("as JSON the report has one entry an item, in the plan's order", async () => {
  const { status, body } = await report({})
  expect(status).toBe(200)
  expect(body.migration_id).toBe(id)
  expect(body.cursor).toBeUndefined()
  expect(body.entries.map(({ source }: { source: string }) => source)).toEqual(items.map(({ key }) => key))
  expect(body.entries[0]).toEqual({ source: "a.jpg", destination: "a.jpg", ...migrated })
  expect(body.entries[7]).toEqual({
    source: "rest.jpg",
    destination: "rest.jpg",
    outcome: "remaining",
    bytes: 10,
  })
})

test("only the failed ones can be asked for", async () => {
  const { body } = await report({ outcome: "failed" })
  expect(body.entries).toMatchObject([{ outcome: "failed", code: "source.missing" }])
})

test("page by page, in each format, every item comes once", async () => {
  for (const format of ["json", "ndjson", "csv"]) {
    const pages: string[] = []
    let cursor: string | undefined
    do {
      const answer = await report({ format, limit: "3", ...(cursor && { cursor }) })
      expect(answer.status).toBe(200)
      pages.push(
        format === "json"
          ? answer.body.entries.map((each: object) => `${JSON.stringify(each)}\n`).join("")
          : answer.body,
      )
      cursor = format === "json" ? answer.body.cursor : answer.headers["x-next-cursor"]
    } while (cursor)
    expect(pages).toHaveLength(3)
    const text = pages.join("")
    const sources =
      format === "csv"
        ? parse<{ destination: string }>(text, { columns: true }).map((row) =>
            row.destination.replace(/^'/, ""),
          )
        : text
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line).destination)
    expect(sources).toEqual(items.map(({ key }) => key))
  }
})

test("however long the names, an answer fits what Lambda may answer, and nothing is left out", async () => {
  const body = JSON.stringify({ source: "s3://library/long", destination: "s3://archive" })
  const long = (await call(api.create, { method: "POST", body, caller })).body.id
  const many = Array.from(
    { length: 4_000 },
    (_, i): Item => ({ key: `${i}`.padStart(1_000, "ü"), planned: { state: "absent" } }),
  )
  await api.chunks.putManifest(long, 0, 1, many)
  const lane = await api.lanes.readLane(long, 0)
  if (!lane) throw new Error("no lane")
  await api.lanes.saveLane(long, lane, {
    plan: { ...api.lane.emptyPlan, chunks: 1, discovered: 4_000, complete: true },
  })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const query = { limit: "5000", ...(cursor && { cursor }) }
    const answer = await call(api.report, { pathParameters: { id: long }, query, caller })
    expect(answer.status).toBe(200)
    expect(Buffer.byteLength(JSON.stringify(JSON.stringify(answer.body)))).toBeLessThan(6 * 1024 * 1024)
    seen.push(...answer.body.entries.map(({ source }: { source: string }) => source))
    cursor = answer.body.cursor
  } while (cursor)
  expect(seen).toEqual(many.map(({ key }) => key))
})

test("no cell of a CSV can be a formula", async () => {
  const { headers, body } = await report({ format: "csv" })
  expect(headers["content-type"]).toBe("text/csv; charset=utf-8")
  expect(headers["content-disposition"]).toBe(`attachment; filename="${id}.csv"`)
  const rows: Record<string, string>[] = parse(body, { columns: true })
  expect(Object.keys(rows[0] ?? {})).toEqual([
    "source",
    "destination",
    "outcome",
    "bytes",
    "checksum_algorithm",
    "checksum_value",
    "checksum_kind",
    "code",
    "message",
  ])
  for (const row of rows) for (const cell of Object.values(row)) expect(cell).not.toMatch(/^[=+\-@\t\r\n]/)
  expect(rows[1]).toMatchObject({ source: `'${items[1]?.key}`, message: '\'=It is gone, "really".' })
})

test.for(["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])(
  "%j at the start of a name is made text",
  (start) => {
    const line = csv([{ source: `${start}x`, destination: "d", outcome: "remaining" }], false)
    const [[source] = []]: string[][] = parse(line)
    expect(source).toBe(`'${start}x`)
  },
)

test("a checksum that begins with a plus keeps its value behind an apostrophe", () => {
  const checksum = { algorithm: "md5", value: "+bcd", kind: "store" } as const
  const line = csv([{ source: "s", destination: "d", outcome: "migrated", checksum }], false)
  expect(line).toBe("s,d,migrated,,md5,'+bcd,store,,\r\n")
})
