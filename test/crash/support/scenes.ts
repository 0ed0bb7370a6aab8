import { setTimeout as sleep } from "node:timers/promises"
import { startProxy } from "../../faults/support/proxy.ts"
import { lanes, list } from "./list-scenes.ts"
import { bucketWith, type Files, folderWith } from "./places.ts"
import { already, between, large, named, type Scene } from "./setup.ts"
import type { Stage } from "./stage.ts"

const ofBuckets = (name: string, files: Files, there: Files): Scene => ({
  name: `from bucket to bucket, ${name}`,
  prepare: async (stage) => {
    const source = await bucketWith(stage, "photos", files)
    return between(source, await bucketWith(stage, "archive", there), files, { concurrency: 3 })
  },
})

const ofFolders = (name: string, files: Files, there: Files): Scene => ({
  name: `from folder to folder, ${name}`,
  prepare: async (stage, run) => {
    const source = await folderWith(stage, `${run}/from`, files)
    return between(source, await folderWith(stage, `${run}/to`, there), files, { concurrency: 2 })
  },
})

const copies: Scene = {
  name: "inside one S3, copied by the store itself",
  prepare: async (stage) => {
    const files = named(3)
    const source = await bucketWith(stage, "photos", files)
    return between(source, await bucketWith(stage, "copies", new Map(), source.s3), files, { concurrency: 2 })
  },
}

/** Resolves when the worker has looked and booked since time went by last, or has died of it. */
async function caughtUp(stage: Stage): Promise<void> {
  for (;;) {
    const lines = stage.lines()
    const since = lines.slice(lines.findLastIndex(({ at }) => at === "leap") + 1)
    const has = (name: string) => since.some(({ at, call }) => at === "after" && call.startsWith(name))
    if (since.length === lines.length || since.some(({ at }) => at === "killed")) return
    if (has("Update LANE") && has("Get MIGRATION")) return
    await sleep(10)
  }
}

/**
 * Each image takes so long that a checkpoint is due, and none begins before it is made: the same on every machine. The tenth
 * ends in the last five seconds of the delivery, in which nothing begins and nothing is cut off.
 */
const long: Scene = {
  name: "over two deliveries, with checkpoints",
  isLong: true,
  leap: { call: "GET source object", ms: 11_600 },
  prepare: async (stage) => {
    const files = named(12)
    const source = await bucketWith(stage, "photos", files)
    const proxy = await startProxy(source.s3.url)
    proxy.inject({
      when: ({ method, path }) => method === "GET" && path.startsWith("/photos/"),
      times: Number.POSITIVE_INFINITY,
      act: async (_, forward) => {
        await caughtUp(stage)
        return forward()
      },
    })
    const paced = { ...source, ...source.at(proxy.url) }
    const setup = await between(paced, await bucketWith(stage, "archive", new Map()), files, {
      concurrency: 1,
    })
    return {
      ...setup,
      close: async () => {
        await proxy.close()
        await setup.close()
      },
    }
  },
}

const door: Scene = {
  name: "asked for again and again, its first message lost, so that the sweeper sends another",
  isAsked: true,
  kills: /^\w+ (?:create|sweeper): /,
  // What is before a call is after the one before it: the same moment, but for a look.
  daily: /^after (?:create|sweeper): /,
  prepare: async (stage) => {
    const files = named(1)
    const source = await bucketWith(stage, "photos", files)
    const setup = await between(source, await bucketWith(stage, "archive", new Map()), files)
    const arrives = stage.qstash.faults.arm("drop")
    return {
      ...setup,
      close: async () => {
        arrives()
        await setup.close()
      },
    }
  },
}

const few = named(5)
const words = "one replaced, one there already"

export const scenes: readonly Scene[] = [
  ofBuckets(words, few, already(few)),
  { ...ofBuckets("in parts", large, new Map()), isLong: true },
  ofFolders(words, few, already(few)),
  { ...ofFolders("in parts", large, new Map()), isLong: true },
  list,
  door,
  lanes,
  long,
  { ...copies, isLong: true },
]
