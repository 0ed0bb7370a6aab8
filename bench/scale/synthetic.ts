import { createHash, hash } from "node:crypto"
import type { Body, Entry, Store } from "@imgmigrator/stores"

/** How the images are called: as cameras do, or by random ids, which pack worst. */
export type Names = "camera" | "random"

const written = Date.UTC(2026, 0, 1)
const pageSize = 1_000

/** The key of image `i`, ascending in `i` as S3 lists. */
const keyOf: Readonly<Record<Names, (i: number) => string>> = {
  camera: (i) =>
    `DCIM/${String(100 + Math.floor(i / 9_000)).padStart(4, "0")}CANON/IMG_${String(1 + (i % 9_000)).padStart(4, "0")}.JPG`,
  random: (i) => `${i.toString(16).padStart(8, "0")}${hash("sha1", String(i)).slice(0, 24)}.jpg`,
}
const indexOf: Readonly<Record<Names, (key: string) => number>> = {
  camera: (key) => {
    const [, folder = "0", file = "1"] = /(\d+)CANON\/IMG_(\d+)/.exec(key) ?? []
    return (Number(folder) - 100) * 9_000 + Number(file) - 1
  },
  random: (key) => Number.parseInt(key.slice(0, 8), 16),
}

const size = 1_024
const contentOf = (key: string): Buffer => Buffer.alloc(size, key)

/**
 * A bucket of `count` images that exists only as a rule: it lists and serves them without a disk, as S3 would, so that a
 * million cost the service's own work and nothing else. `holds`: from when on a destination has them.
 */
export function syntheticStore(
  names: Names,
  count: number,
  role: "source" | "destination",
): Store & { fill(): void } {
  let has = role === "source" ? count : 0
  const entry = (i: number): Entry => {
    const key = keyOf[names](i)
    return { key, size, etag: hash("md5", key), written: role === "source" ? written : written + 3_600_000 }
  }
  const no = () => Promise.reject(new Error("The synthetic store has no such call."))
  return {
    kind: "s3",
    name: `s3://synthetic-${role}`,
    capabilities: { ordered: true, preconditions: true, checksums: true, ranges: true, writable: true },
    probe: async () => {},
    async *list({ after } = {}) {
      for (let i = after ? indexOf[names](after) + 1 : 0; i < has; i += pageSize)
        yield Array.from({ length: Math.min(pageSize, has - i) }, (_, n) => entry(i + n))
    },
    stat: async ({ key }) => (indexOf[names](key) < has ? entry(indexOf[names](key)) : undefined),
    async open({ key }) {
      const bytes = contentOf(key)
      const body: Body = {
        destroy: () => undefined,
        async *[Symbol.asyncIterator]() {
          yield bytes
        },
      }
      return { facts: { ...entry(indexOf[names](key)), contentType: "image/jpeg" }, body }
    },
    async put(_, bytes, { sha256 }) {
      // What a store does that verifies.
      const own = createHash("sha256").update(bytes).digest()
      if (!own.equals(sha256)) throw new Error("Other bytes came than were announced.")
      return { checksum: { algorithm: "sha256", value: own.toString("base64") }, confirmed: "store" }
    },
    begin: no,
    putPart: no,
    parts: no,
    complete: no,
    abort: async () => {},
    uploads: async () => [],
    close: async () => {},
    fill: () => {
      has = count
    },
  }
}
