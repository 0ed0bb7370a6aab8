import { once } from "node:events"
import { readdirSync, type Stats, statSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"

/** Answers ListObjectsV2 (and V1) for folders of files. A folder is read again where its times say that something came or went. */
export async function startLister(root: string) {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://lister")
    const bucket = url.pathname.split("/")[1] ?? ""
    const query = url.searchParams
    if (query.has("location")) return response.end('<?xml version="1.0"?><LocationConstraint/>')
    const prefix = query.get("prefix") ?? ""
    const after = query.get("continuation-token") ?? query.get("start-after") ?? query.get("marker") ?? ""
    const max = Math.min(1000, Number(query.get("max-keys") ?? 1000))
    const index = indexOf(join(root, bucket))
    const [from, until] = range(index.keys, prefix, after)
    const to = Math.min(until, from + max)
    const encode = query.get("encoding-type") === "url"
    const page = {
      bucket,
      prefix,
      keys: to - from,
      next: to < until ? index.keys[to - 1] : undefined,
      encode,
    }
    const { bytes, offsets } = encode ? index.encoded() : index.plain()
    const [head, contents] = [Buffer.from(headOf(page)), bytes.subarray(offsets[from], offsets[to])]
    response.setHeader("content-type", "application/xml")
    response.setHeader("content-length", head.length + contents.length + tail.length)
    response.cork()
    for (const part of [head, contents]) response.write(part)
    response.end(tail)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return {
    port: address.port,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}

/** All objects of a bucket as they stand in a listing, one behind the other: a page is a piece of it. */
type Rendered = { readonly bytes: Buffer; readonly offsets: readonly number[] }
type Index = {
  readonly keys: readonly string[]
  readonly folders: ReadonlyMap<string, number>
  /** With its keys as `encoding-type=url` writes them, and as they are. */
  readonly encoded: () => Rendered
  readonly plain: () => Rendered
}
const indexes = new Map<string, Index>()

/** As an S3 has an index: to look at every file for each listing would make the lister what is measured. */
function indexOf(root: string): Index {
  const known = indexes.get(root)
  const isSame = known && [...known.folders].every(([folder, time]) => changedAt(folder) === time)
  if (isSame) return known
  const index = read(root)
  indexes.set(root, index)
  return index
}

/** A file that is written anew comes by its name's change, too (nginx: DAV PUT writes beside it, then renames). */
const changedAt = (folder: string) => statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0

function read(root: string): Index {
  const folders = new Map<string, number>()
  const files: { readonly key: string; readonly stats: Stats }[] = []
  const look = (folder: string) => {
    // Before its names: what comes meanwhile is seen the next time.
    folders.set(folder, changedAt(folder))
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) look(path)
      if (entry.isFile()) files.push({ key: path.slice(root.length + 1), stats: statSync(path) })
    }
  }
  look(root)
  files.sort((a, b) => (a.key < b.key ? -1 : 1))
  const render = (nameOf: (key: string) => string) => {
    const objects = files.map(({ key, stats }) => Buffer.from(objectOf(nameOf(key), stats)))
    const offsets = [0]
    for (const { length } of objects) offsets.push((offsets.at(-1) ?? 0) + length)
    return { bytes: Buffer.concat(objects), offsets }
  }
  return {
    keys: files.map(({ key }) => key),
    folders,
    encoded: lazily(() => render(urlEncoded)),
    plain: lazily(() => render((key) => key)),
  }
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

function objectOf(name: string, { mtime, mtimeMs, size }: Stats): string {
  const etag = `${Math.floor(mtimeMs / 1000).toString(16)}-${size.toString(16)}`
  return `<Contents><Key>${name}</Key><LastModified>${mtime.toISOString()}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`
}

const urlEncoded = (key: string) => encodeURIComponent(key).replaceAll("%2F", "/")

/** The keys behind `after` that begin with the prefix stand together. */
function range(keys: readonly string[], prefix: string, after: string): [from: number, until: number] {
  const from = first(keys, (key) => key > after && key >= prefix)
  return [from, first(keys, (key) => key > after && key >= prefix && !key.startsWith(prefix))]
}

/** The first key for which it holds, and then for all behind. */
function first(keys: readonly string[], holds: (key: string) => boolean): number {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(keys[middle] ?? "")) high = middle
    else low = middle + 1
  }
  return low
}

type Page = {
  readonly bucket: string
  readonly prefix: string
  readonly keys: number
  /** The page's last key, where more come. */
  readonly next: string | undefined
  readonly encode: boolean
}

function headOf({ bucket, prefix, keys, next, encode }: Page): string {
  const marker = next !== undefined && encode ? urlEncoded(next) : next
  const more =
    next === undefined
      ? ""
      : `<NextContinuationToken>${next}</NextContinuationToken><NextMarker>${marker}</NextMarker>`
  return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>${prefix}</Prefix><KeyCount>${keys}</KeyCount><MaxKeys>1000</MaxKeys>${encode ? "<EncodingType>url</EncodingType>" : ""}<IsTruncated>${next !== undefined}</IsTruncated>${more}`
}

const tail = Buffer.from("</ListBucketResult>")
