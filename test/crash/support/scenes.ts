import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Control } from "./control.ts"
import { bucketWith, type Files, folderWith, type Place, sha256 } from "./places.ts"
import type { Stage } from "./stage.ts"

/** A migration that can be had again and again, each time between places of its own. */
export type Scene = {
  readonly name: string
  readonly leap?: Control["leap"]
  /** Too long for every day. */
  readonly isLong?: boolean
  prepare(stage: Stage, run: number): Promise<Setup>
}

export type Setup = {
  readonly wish: { readonly source: unknown; readonly destination: unknown; readonly options?: unknown }
  readonly places: Control["places"]
  readonly destination: Place
  /** What is to be at the destination in the end: SHA-256 by key. */
  readonly expected: ReadonlyMap<string, string>
  /**
   * Nothing tells that an item in flight had arrived, so it may be written once more: the second pass does not plan, and
   * the source has no dates.
   */
  readonly isWrittenAgain?: boolean
  /** Put right what failed: then the failed items are tried again, as a second pass. */
  mend?(): void
  close(): Promise<void>
}

/** Like an image of its name: a JPEG's first and last bytes, and something in between that no other has. */
function image(name: string, size = 2_000): Buffer {
  const body = Buffer.alloc(size, `${name}\n`)
  return Buffer.concat([Buffer.from("ffd8ffe0", "hex"), body, Buffer.from("ffd9", "hex")])
}

const named = (count: number, name = "photo"): Files =>
  new Map(Array.from({ length: count }, (_, i) => [`2024/${name}-${i}.jpg`, image(`${name} ${i}`)]))
/** Over 8 MiB: it goes in two parts. */
const large: Files = new Map([["raw/large.dng", image("large", 9 * 1024 * 1024)]])
const sums = (files: Files) => new Map([...files].map(([key, bytes]) => [key, sha256(bytes)]))

/** What stands there already: one that is the same, and one that is not. */
function already(files: Files): Files {
  const [[same, bytes] = ["", Buffer.alloc(0)], [other] = [""]] = [...files]
  return new Map([
    [same, bytes],
    [other, image("older", 1_000)],
  ])
}

async function between(
  source: Place,
  destination: Place,
  files: Files,
  options: object = {},
): Promise<Setup> {
  return {
    wish: { source: source.ref, destination: destination.ref, options: { lanes: 1, ...options } },
    places: { [source.start]: "source", [destination.start]: "destination" },
    destination,
    expected: sums(files),
    close: async () => {
      await source.close()
      await destination.close()
    },
  }
}

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

const long: Scene = {
  name: "over two deliveries, with checkpoints",
  isLong: true,
  leap: { call: "GET source object", ms: 4_000 },
  prepare: async (stage) => {
    const files = named(32)
    const source = await bucketWith(stage, "photos", files)
    return between(source, await bucketWith(stage, "archive", new Map()), files, { concurrency: 1 })
  },
}

const list: Scene = {
  name: "from a list of addresses, in three chunks, two of them failing at first and tried again",
  prepare: async (stage) => {
    const files = named(5, "listed")
    const missing = new Set(["2024/listed-1.jpg", "2024/listed-4.jpg"])
    // An address as long as signatures make them, and longer: a chunk closes at 256 KB of them.
    const address = (key: string) => `/${key}?signature=${key.replaceAll("/", "").repeat(5_000)}`
    const server = createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
      const { pathname, origin } = new URL(request.url ?? "", start)
      const key = pathname.slice(1)
      const lines = [...files.keys()].map((each) => `${origin}${address(each)}\n`).join("")
      const bytes = key === "list.txt" ? Buffer.from(lines) : missing.has(key) ? undefined : files.get(key)
      response.writeHead(bytes ? 200 : 404, {
        "content-length": bytes?.length ?? 0,
        "content-type": "image/jpeg",
      })
      response.end(bytes)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const start = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const destination = await bucketWith(stage, "archive", new Map())
    const setup = await between(
      { ...destination, ref: `${start}/list.txt`, start, close: async () => void server.close() },
      destination,
      files,
      { concurrency: 2 },
    )
    const host = new URL(start).host.replace(":", "_")
    const expected = new Map([...setup.expected].map(([key, sum]) => [`${host}/${key}`, sum]))
    return { ...setup, expected, isWrittenAgain: true, mend: () => missing.clear() }
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
  long,
  { ...copies, isLong: true },
]
