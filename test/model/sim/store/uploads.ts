import { Fault } from "@imgmigrator/core/fault"
import type { Store } from "@imgmigrator/stores"
import type { Proc } from "../process.ts"
import type { Tally } from "../tally.ts"
import { contentOf } from "./content.ts"
import { type Ask, receipt } from "./open.ts"
import { type Place, require, write } from "./place.ts"

type Uploads = Pick<Store, "begin" | "putPart" | "parts" | "complete" | "abort" | "uploads">

const partSize = 4 * 1024 * 1024

/** So long, in ms, whoever begins an upload waits for the answer at least, even where his time is up. */
const grace = 1_000

/** Uploads in parts: nothing stands under the final name before `complete`. */
export function uploadsOf(place: Place, proc: Proc, ask: Ask, tally: Tally): Uploads {
  const found = (id: string) => {
    const upload = place.uploads.get(id)
    if (!upload) throw new Fault("stale", "upload.missing", `There is no upload ${id}.`)
    return upload
  }
  return {
    begin: (key, { description, signal }) => {
      const sent = place.time.now()
      return ask(
        "write",
        key,
        () => {
          const id = `upload-${place.serial++}`
          tally.accept("upload: begun")
          const isUnheard = signal?.aborted === true && place.time.now() - sent > grace
          place.uploads.set(id, { key, description, parts: new Map(), isUnheard })
          return { key, id, partSize }
        },
        { ...(signal && { signal }) },
      )
    },
    putPart: ({ key, id }, number, bytes, call) =>
      ask(
        "write",
        key,
        () => {
          const part = { number, size: bytes.length, etag: `part-${place.serial++}` }
          found(id).parts.set(number, { ...part, bytes: Buffer.from(bytes) })
          return part
        },
        call,
      ),
    parts: ({ key, id }, call) =>
      ask(
        "read",
        key,
        () => {
          const { parts } = found(id)
          if (parts.size > 0) tally.accept("upload: gone on with")
          return [...parts.values()]
            .sort((a, b) => a.number - b.number)
            .map(({ number, size, etag = "" }) => ({ number, size, etag }))
        },
        call,
      ),
    complete: ({ key, id }, parts, { description, precondition, signal }) =>
      ask(
        "write",
        key,
        () => {
          const upload = found(id)
          const bytes = parts.map(({ number, etag }) => {
            const part = upload.parts.get(number)
            if (!part || part.etag !== etag) throw new Error(`The part ${number} is not what was sent.`)
            return part.bytes
          })
          require(place, key, precondition)
          place.uploads.delete(id)
          tally.accept("upload: completed")
          const content = contentOf(bytes)
          const checksum = { algorithm: "sha256", value: content.sha256 } as const
          return receipt(write(place, key, { content, description, checksum, by: proc }))
        },
        { ...(signal && { signal }) },
      ),
    abort: ({ key, id }, call) =>
      ask(
        "write",
        key,
        () => {
          if (place.uploads.delete(id)) tally.accept("upload: thrown away")
        },
        call,
      ),
    uploads: (_since, call) =>
      ask("read", undefined, () => [...place.uploads].map(([id, { key }]) => ({ key, id, partSize })), call),
  }
}
