import { once } from "node:events"
import { readdirSync, statSync } from "node:fs"
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
    const all = keysOf(join(root, bucket))
    const page: Entry[] = []
    let more = false
    for (let i = firstAfter(all, after); i < all.length; i++) {
      const entry = all[i]
      if (!entry?.key.startsWith(prefix)) continue
      if (page.length === max) {
        more = true
        break
      }
      page.push(entry)
    }
    response.setHeader("content-type", "application/xml")
    response.end(xml(bucket, prefix, page, more, query.get("encoding-type") === "url"))
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

/** An object, as it stands in a listing that encodes its keys, and in one that does not. */
type Entry = { readonly key: string; readonly encoded: string; readonly plain: string }
type Index = { readonly keys: readonly Entry[]; readonly folders: ReadonlyMap<string, number> }
const indexes = new Map<string, Index>()

/** As an S3 has an index: to look at every file for each listing would make the lister what is measured. */
function keysOf(root: string): readonly Entry[] {
  const known = indexes.get(root)
  const isSame = known && [...known.folders].every(([folder, time]) => changedAt(folder) === time)
  if (isSame) return known.keys
  const index = read(root)
  indexes.set(root, index)
  return index.keys
}

/** A file that is written anew comes by its name's change, too (nginx: DAV PUT writes beside it, then renames). */
const changedAt = (folder: string) => statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0

function read(root: string): Index {
  const folders = new Map<string, number>()
  const keys: Entry[] = []
  const look = (folder: string) => {
    // Before its names: what comes meanwhile is seen the next time.
    folders.set(folder, changedAt(folder))
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) look(path)
      if (entry.isFile()) keys.push(entryOf(path, root))
    }
  }
  look(root)
  keys.sort((a, b) => (a.key < b.key ? -1 : 1))
  return { keys, folders }
}

function entryOf(path: string, root: string): Entry {
  const { mtime, mtimeMs, size } = statSync(path)
  const etag = `${Math.floor(mtimeMs / 1000).toString(16)}-${size.toString(16)}`
  const key = path.slice(root.length + 1)
  const render = (name: string) =>
    `<Contents><Key>${name}</Key><LastModified>${mtime.toISOString()}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`
  return { key, encoded: render(urlEncoded(key)), plain: render(key) }
}

const urlEncoded = (key: string) => encodeURIComponent(key).replaceAll("%2F", "/")

function firstAfter(keys: readonly Entry[], after: string): number {
  if (after === "") return 0
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle]?.key ?? "") <= after) low = middle + 1
    else high = middle
  }
  return low
}

function xml(bucket: string, prefix: string, page: readonly Entry[], more: boolean, encode: boolean): string {
  const contents = page.map(({ encoded, plain }) => (encode ? encoded : plain)).join("")
  const last = page.at(-1)?.key ?? ""
  const next = more
    ? `<NextContinuationToken>${last}</NextContinuationToken><NextMarker>${encode ? urlEncoded(last) : last}</NextMarker>`
    : ""
  return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>${prefix}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>1000</MaxKeys>${encode ? "<EncodingType>url</EncodingType>" : ""}<IsTruncated>${more}</IsTruncated>${next}${contents}</ListBucketResult>`
}
