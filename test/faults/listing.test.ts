import { utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { temporaryFolder } from "../support/harness.ts"
import { always, type Case, checkArrived, listing, prove, refusal } from "./support/cases.ts"
import type { Reply } from "./support/proxy.ts"
import { allMigrated, images, keys, startScene } from "./support/scene.ts"
import { useTable } from "./support/table.ts"

useTable()

const lists = ({ path }: { readonly path: string }) => path.includes("max-keys=1000")
const page = (text: string) => async () => ({ status: 200, headers: {}, body: Buffer.from(text) })

const cases: readonly Case[] = [
  {
    fault: "a listing that answers 503 and asks for half a minute",
    arrange: ({ s3 }) =>
      s3.faults.inject({ effect: { kind: "answer", code: "SlowDown", retryAfter: 30 }, when: listing }),
    answers: ["again", "done"],
    waiting: /just now/,
  },
  {
    fault: "a listing that breaks off, and one that ends in the middle of a key",
    arrange: ({ source, s3 }) => {
      const short = ({ body, headers, ...rest }: Reply): Reply => {
        const bytes = body.subarray(0, 700)
        return { ...rest, headers: { ...headers, "content-length": bytes.length }, body: bytes }
      }
      source.inject({ when: lists, act: (_, forward) => forward().then(short) })
      s3.faults.inject({ effect: { kind: "cut" }, when: listing })
    },
    answers: ["again", "done"],
    waiting: /The listing of .* is cut short/,
  },
  {
    fault: "a web page in place of a listing",
    arrange: ({ source }) => source.inject({ when: lists, act: page("<html>Please log in</html>") }),
    answers: ["again", "done"],
    waiting: /The listing of .* is cut short/,
  },
  {
    fault: "a destination whose listing may not be read",
    arrange: ({ destination }) =>
      destination.inject({ when: lists, act: async () => refusal(403, "AccessDenied"), times: always }),
    status: "failed",
    error: "store.denied",
  },
  {
    fault: "a server whose clock is an hour ahead",
    arrange: ({ s3 }) => s3.faults.inject({ effect: { kind: "skew", ms: 3_600_000 }, times: always }),
  },
  {
    fault: "a server whose clock is a day behind",
    arrange: ({ s3 }) => s3.faults.inject({ effect: { kind: "skew", ms: -86_400_000 }, times: always }),
  },
]
for (const each of cases) prove(each)

test("pages that repeat or go in circles are told and listed anew; one that the source leaves out comes with the next run", async () => {
  const scene = await startScene()
  const many = Array.from({ length: 1_010 }, (_, n) => `${n}`.padStart(6, "0"))
  for (let from = 0; from < many.length; from += 101)
    await Promise.all(many.slice(from, from + 101).map((key) => scene.from.put(key, Buffer.from(key))))
  const plan = async (fault?: "repeat" | "skip" | "loop") => {
    const off =
      fault && scene.s3.faults.inject({ effect: { kind: "listing", page: fault }, when: listing, times: 2 })
    const { id } = await scene.begin({ options: { dry_run: true } })
    const { row, waiting, answers } = await scene.drive(id)
    off?.()
    return { discovered: row.totals?.discovered, waiting: waiting.join(), answers }
  }
  expect(await plan("repeat")).toMatchObject({
    discovered: 1_010,
    waiting: expect.stringMatching(/does not list in order/),
  })
  expect(await plan("loop")).toMatchObject({
    discovered: 1_010,
    waiting: expect.stringMatching(/round in circles|does not list in order/),
  })
  expect(await plan("skip")).toMatchObject({ discovered: 1_000, answers: ["done"] })
  expect(await plan()).toMatchObject({ discovered: 1_010, answers: ["done"] })
})

test("what the destination's listing leaves out is not written again, and not overwritten where it is another", async () => {
  const scene = await startScene()
  await scene.fill()
  const [first = "", second = ""] = keys
  await scene.to.put(first, images[first] ?? Buffer.alloc(0))
  await scene.to.put(second, Buffer.from("somebody else's"))
  scene.destination.inject({
    when: lists,
    act: page("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"),
  })
  const { id } = await scene.begin()
  const { outcomes } = await scene.drive(id)
  expect(outcomes).toEqual({ ...allMigrated, [second]: "failed destination.collision" })
  expect(await scene.to.get(second)).toEqual(Buffer.from("somebody else's"))
  await scene.to.remove(second)
  await checkArrived(scene, outcomes)
})

test("an image that changed is copied again though the destination's clock, which is ahead, says that its copy is newer", async () => {
  await using folder = await temporaryFolder()
  const scene = await startScene({ ahead: 600_000 })
  const photo = join(folder.path, "photo.jpg")
  await writeFile(photo, "before")
  const wish = { source: `file:${folder.path}` }
  await scene.drive((await scene.begin(wish)).id)
  await writeFile(photo, "beyond")
  await utimes(photo, new Date(), new Date())
  const { outcomes } = await scene.drive((await scene.begin(wish)).id)
  expect(outcomes).toEqual({ "photo.jpg": "migrated" })
  expect((await scene.to.get("photo.jpg"))?.toString()).toBe("beyond")
})
