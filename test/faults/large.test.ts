import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { always, refusal } from "./support/cases.ts"
import { flipped } from "./support/proxy.ts"
import { type Scene, startScene } from "./support/scene.ts"
import { useTable } from "./support/table.ts"

useTable()

const key = "videos/long.mov"
/** Of two parts: 8 MiB, and the rest. */
const video = Buffer.alloc(
  9 * 1024 * 1024,
  readFileSync(new URL("../fixtures/library.json", import.meta.url)),
)

async function moving(arrange: (scene: Scene) => unknown) {
  const scene = await startScene()
  await scene.from.put(key, video, { "x-amz-checksum-algorithm": "CRC64NVME" })
  await arrange(scene)
  const { id } = await scene.begin()
  const ending = await scene.drive(id)
  scene.s3.faults.clear()
  // Compared here: a matcher would take minutes for so many bytes.
  const arrived = (await scene.to.get(key))?.equals(video)
  return { scene, ending, arrived, uploads: await scene.to.uploads() }
}
const whole = { arrived: true, uploads: 0, ending: { outcomes: { [key]: "migrated" } } }
const at = (operation: string) => (asked: { readonly operation: string | undefined }) =>
  asked.operation === operation

test("a bit that flips on the way to us is found before the image has its name", async () => {
  const names: boolean[] = []
  const { scene, ...end } = await moving(({ s3, destination, to }) => {
    s3.faults.inject({ effect: { kind: "flip", at: 8_700_000 }, when: at("GetObject") })
    destination.inject({
      when: ({ method, path }) => method === "POST" && path.includes("uploadId="),
      act: async (_, forward) => {
        names.push((await to.get(key)) !== undefined)
        return forward()
      },
    })
  })
  expect(end).toMatchObject(whole)
  expect(names).toEqual([false])
  expect(scene.clock.waited.length).toBe(1)
})

test("a bit that flips in a part on its way up is sent again", async () => {
  const { scene: _, ...end } = await moving(({ destination }) =>
    destination.inject({
      when: ({ path }) => path.includes("partNumber=2"),
      act: (asked, forward) => forward({ body: flipped(asked.body) }),
    }),
  )
  expect(end).toMatchObject(whole)
})

test("a completed upload whose answer is lost is found to have arrived", async () => {
  const { scene: _, ...end } = await moving(({ s3 }) =>
    s3.faults.inject({ effect: { kind: "lose-response" }, when: at("CompleteMultipartUpload"), times: 2 }),
  )
  expect(end).toMatchObject(whole)
})

test("an error in an answer that began with 200 is no success", async () => {
  const { scene, ...end } = await moving(({ s3 }) =>
    s3.faults.inject({ effect: { kind: "error-in-200" }, when: at("CompleteMultipartUpload"), times: 2 }),
  )
  expect(end).toMatchObject(whole)
  expect(scene.clock.waited.length).toBe(2)
})

test("an upload that the destination forgets is begun again", async () => {
  const { scene: _, ...end } = await moving(({ destination }) =>
    destination.inject({
      when: ({ path }) => path.includes("partNumber=1"),
      act: async () => refusal(404, "NoSuchUpload"),
    }),
  )
  expect(end).toMatchObject(whole)
})

test("a source that breaks off in a large image goes on behind its last part", async () => {
  const { scene, ...end } = await moving(({ s3 }) =>
    s3.faults.inject({ effect: { kind: "cut", after: 9_000_000 }, when: at("GetObject") }),
  )
  expect(end).toMatchObject(whole)
  const parts = scene.s3.requests.filter(({ operation }) => operation === "UploadPart")
  expect(parts.length).toBe(2)
})

test("an image that can't be put together leaves no part behind", async () => {
  const { scene, ending, arrived, uploads } = await moving(({ s3 }) =>
    s3.faults.inject({
      effect: { kind: "answer", code: "AccessDenied" },
      when: at("CompleteMultipartUpload"),
      times: always,
    }),
  )
  expect(ending.outcomes).toEqual({ [key]: "failed destination.denied" })
  expect([arrived, uploads]).toEqual([undefined, 0])
  expect(scene.clock.waited).toEqual([])
})

test("inside one server: a copy that is refused, lost, or an error in a 200, and a source that changes meanwhile", async () => {
  const scene = await startScene()
  await scene.fill()
  const copies = at("CopyObject")
  scene.s3.faults.inject({ effect: { kind: "error-in-200" }, when: copies })
  scene.s3.faults.inject({ effect: { kind: "lose-response" }, when: copies })
  scene.s3.faults.inject({ effect: { kind: "answer", code: "SlowDown" }, when: copies })
  const { id } = await scene.begin({ destination: { ...scene.destinationRef, endpoint: scene.source.url } })
  const { row, outcomes } = await scene.drive(id)
  expect(row).toMatchObject({ status: "completed" })
  expect(new Set(Object.values(outcomes))).toEqual(new Set(["migrated"]))
  expect(await scene.to.all()).toEqual(await scene.from.all())
  expect(scene.s3.stats().CopyObject).toBeGreaterThan(0)
})
