import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { bucketWith, type Files } from "./places.ts"
import { between, named, type Scene, type Setup } from "./setup.ts"
import type { Stage } from "./stage.ts"

type Listed = { readonly files: Files; readonly url: string; missing: ReadonlySet<string>; close(): void }

/**
 * A web server with a list of the files, under addresses as long as signatures make them, and longer: a chunk closes at 256 KB
 * of them. `held` may keep an image's answer back.
 */
async function listed(
  files: Files,
  addressLength: number,
  held: () => Promise<void> = async () => {},
): Promise<Listed> {
  const address = (key: string) => `/${key}?signature=`.padEnd(addressLength, key.replaceAll("/", ""))
  const lines = (origin: string) =>
    Buffer.from([...files.keys()].map((each) => `${origin}${address(each)}\n`).join(""))
  const server = createServer({ maxHeaderSize: 256 * 1024 }, async (request, response) => {
    const { pathname, origin } = new URL(request.url ?? "", url)
    const key = pathname.slice(1)
    if (key !== "list.txt") await held()
    const bytes = key === "list.txt" ? lines(origin) : made.missing.has(key) ? undefined : files.get(key)
    response.writeHead(bytes ? 200 : 404, {
      "content-length": bytes?.length ?? 0,
      "content-type": "image/jpeg",
    })
    response.end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const made: Listed = { files, url, missing: new Set(), close: () => void server.close() }
  return made
}

async function fromList(stage: Stage, { files, url, close }: Listed, options: object): Promise<Setup> {
  const destination = await bucketWith(stage, "archive", new Map())
  const source = { ...destination, ref: `${url}/list.txt`, start: url, close: async () => close() }
  const setup = await between(source, destination, files, options)
  const host = new URL(url).host.replace(":", "_")
  const expected = new Map([...setup.expected].map(([key, sum]) => [`${host}/${key}`, sum]))
  return { ...setup, expected, isWrittenAgain: true }
}

export const list: Scene = {
  name: "from a list of addresses, in three chunks, two of them failing at first and tried again",
  prepare: async (stage) => {
    const source = await listed(named(5, "listed"), 90_000)
    source.missing = new Set(["2024/listed-1.jpg", "2024/listed-4.jpg"])
    const setup = await fromList(stage, source, { concurrency: 2 })
    return {
      ...setup,
      mend: () => {
        source.missing = new Set()
      },
    }
  },
}

const width = 3
/**
 * Chunks of an image each, so many that they are worth three lanes even when the second has taken its first run before the
 * plan is complete. No image comes before all three are at work, or somebody has died: the others are in the middle of
 * theirs then.
 */
export const lanes: Scene = {
  name: "in three lanes, one of them killed while the others work",
  // What each lane does first, it does in every run; who takes how many chunks is chance, and who ends the migration.
  kills: /lane 1: (?!Query MIGRATION\/UPLOAD|Update MIGRATION active).* 1$/,
  daily: /^before lane 1: Update LANE at\+.* 1$/,
  isChance: true,
  prepare: async (stage) => {
    let waiting = 0
    const all = Promise.withResolvers<void>()
    const held = () => {
      waiting += 1
      if (waiting === width) all.resolve()
      return all.promise
    }
    const source = await listed(named(20, "laned"), 132_000, held)
    const setup = await fromList(stage, source, { lanes: width, concurrency: 1 })
    return { ...setup, onDeath: all.resolve }
  },
}
