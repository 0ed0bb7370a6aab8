import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { startLenient } from "../stores/lenient-s3.ts"
import { temporaryFolder } from "../support/harness.ts"
import { checkArrived, reads, writes } from "./support/cases.ts"
import { allMigrated, images, keys, outcomesOf, type Scene, startScene } from "./support/scene.ts"
import { useTable } from "./support/table.ts"

useTable()

const [first = ""] = keys
const others = Buffer.from("somebody else's")
const collided = { ...allMigrated, [first]: "failed destination.collision" }

/** The first image's write waits on its way while this happens. */
async function meanwhile(
  scene: Scene,
  happens: () => Promise<unknown>,
  wish: Parameters<Scene["begin"]>[0] = {},
) {
  const gate = scene.destination.hold(writes)
  const { id } = await scene.begin({ ...wish, options: { concurrency: 1, ...wish.options } })
  const driven = scene.drive(id)
  await gate.arrived
  await happens()
  gate.open()
  return driven
}

test("an object that somebody else writes meanwhile is not overwritten, and the outcome says so", async () => {
  const scene = await startScene()
  await scene.fill()
  const { row, outcomes } = await meanwhile(scene, () => scene.to.put(first, others))
  expect(outcomes).toEqual(collided)
  expect(row.status).toBe("completed_with_failures")
  expect(await scene.to.get(first)).toEqual(others)
})

test("an older copy that somebody else changes or deletes meanwhile is left as they made it", async () => {
  for (const change of ["put", "remove"] as const) {
    const scene = await startScene()
    await scene.fill()
    await scene.to.put(first, Buffer.from("an older copy"))
    const { outcomes } = await meanwhile(scene, () => scene.to[change](first, others))
    expect(outcomes).toEqual({ ...allMigrated, [first]: "failed destination.changed" })
    expect(await scene.to.get(first)).toEqual(change === "put" ? others : undefined)
  }
})

test("a write that lands after its worker lost the lease overwrites nothing, and the books are its successor's", async () => {
  const scene = await startScene()
  await scene.fill()
  const gate = scene.destination.hold(writes)
  const { id } = await scene.begin({ options: { concurrency: 1 } })
  const [message] = scene.queue.splice(0)
  if (!message) throw new Error("no message")
  const stalled = scene.deliver(message)
  await gate.arrived
  scene.clock.pass(31_000)
  await scene.from.put(first, Buffer.from("a newer version"))
  scene.queue.push(message)
  const { row, outcomes } = await scene.drive(id)
  gate.open()
  expect(await stalled).toEqual({ outcome: "done" })
  expect(outcomes).toEqual(allMigrated)
  expect(row).toMatchObject({ status: "completed", totals: { migrated: 6, failed: 0 } })
  await expect
    .poll(() => scene.s3.requests.filter(({ key, status }) => key === first && status === 412).length)
    .toBe(1)
  expect((await scene.to.get(first))?.toString()).toBe("a newer version")
  expect(await outcomesOf(row)).toEqual(allMigrated)
})

test("of two migrations into one place, each key is written by one; the other says so where the bytes differ", async () => {
  const scene = await startScene()
  await scene.fill()
  await using folder = await temporaryFolder()
  const name = "photo.jpg"
  await writeFile(join(folder.path, name), others)
  await scene.from.put(name, Buffer.from("ours"))
  const wish = { source: `file:${folder.path}` }
  const gate = scene.destination.hold(({ path, method }) => method === "PUT" && path.endsWith(name))
  const { id } = await scene.begin()
  const [mine] = scene.queue.splice(0)
  if (!mine) throw new Error("no message")
  const ours = scene.deliver(mine)
  await gate.arrived
  const theirs = (await scene.drive((await scene.begin(wish)).id)).outcomes
  gate.open()
  await ours
  expect(theirs).toEqual({ [name]: "migrated" })
  expect((await scene.drive(id)).outcomes).toEqual({ ...allMigrated, [name]: "failed destination.collision" })
  expect(await scene.to.get(name)).toEqual(others)
})

test("two migrations of the same images into one place at once both end well", async () => {
  const scene = await startScene()
  await scene.fill()
  const rows = [await scene.begin(), await scene.begin()]
  const messages = scene.queue.splice(0)
  await Promise.all(messages.map((message) => scene.deliver(message)))
  for (const { id } of rows) {
    const { row, outcomes } = await scene.drive(id)
    expect(row.status).toBe("completed")
    await checkArrived(scene, outcomes)
  }
})

test("a file that somebody else writes meanwhile is not overwritten", async () => {
  await using folder = await temporaryFolder()
  const scene = await startScene()
  await scene.fill()
  const gate = scene.source.hold(reads, "behind")
  const { id } = await scene.begin({ destination: `file:${folder.path}`, options: { concurrency: 1 } })
  const driven = scene.drive(id)
  await gate.arrived
  const target = join(folder.path, first)
  await mkdir(join(target, ".."), { recursive: true })
  await writeFile(target, others)
  gate.open()
  expect((await driven).outcomes).toEqual(collided)
  expect(await readFile(target)).toEqual(others)
})

test("a store that does not look at preconditions is looked at before each write: what stands there stays", async () => {
  const scene = await startScene()
  await scene.fill()
  const lenient = await startLenient({ preconditions: "ignored" })
  const gate = scene.source.hold(reads, "behind")
  const { id } = await scene.begin({
    destination: { type: "s3", bucket: "library", prefix: "", endpoint: lenient.endpoint },
    options: { concurrency: 1 },
  })
  const driven = scene.drive(id)
  await gate.arrived
  lenient.objects.set(`/library/${first}`, { bytes: others, etag: "other", headers: {} })
  gate.open()
  expect((await driven).outcomes).toEqual(collided)
  const there = Object.fromEntries(
    [...lenient.objects].map(([key, { bytes }]) => [key.replace("/library/", ""), bytes]),
  )
  expect(there).toEqual({ ...images, [first]: others })
  await lenient.close()
})
