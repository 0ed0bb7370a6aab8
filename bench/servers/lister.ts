import { once } from "node:events"
import { readdirSync, statSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"

/** Answers ListObjectsV2 (and V1) for folders of files. A folder is read when its first page is asked for, and kept for the others. */
export async function startLister(root: string) {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://lister")
    const bucket = url.pathname.split("/")[1] ?? ""
    const query = url.searchParams
    if (query.has("location")) return response.end('<?xml version="1.0"?><LocationConstraint/>')
    const prefix = query.get("prefix") ?? ""
    const after = query.get("continuation-token") ?? query.get("start-after") ?? query.get("marker") ?? ""
    const max = Math.min(1000, Number(query.get("max-keys") ?? 1000))
    const all = keysOf(join(root, bucket), after === "")
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

type Entry = { readonly key: string; readonly size: number; readonly modified: Date; readonly etag: string }
const cache = new Map<string, readonly Entry[]>()

function keysOf(folder: string, isFirstPage: boolean): readonly Entry[] {
  const known = isFirstPage ? undefined : cache.get(folder)
  if (known) return known
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  const keys = names.map((entry): Entry => {
    const path = join(entry.parentPath, entry.name)
    const stats = statSync(path)
    const etag = `${Math.floor(stats.mtimeMs / 1000).toString(16)}-${stats.size.toString(16)}`
    return { key: path.slice(folder.length + 1), size: stats.size, modified: stats.mtime, etag }
  })
  keys.sort((a, b) => (a.key < b.key ? -1 : 1))
  cache.set(folder, keys)
  return keys
}

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
  const text = (key: string) => (encode ? encodeURIComponent(key).replaceAll("%2F", "/") : key)
  const contents = page
    .map(
      ({ key, size, modified, etag }) =>
        `<Contents><Key>${text(key)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
    )
    .join("")
  const last = page.at(-1)?.key ?? ""
  const next = more
    ? `<NextContinuationToken>${last}</NextContinuationToken><NextMarker>${text(last)}</NextMarker>`
    : ""
  return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>${prefix}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>1000</MaxKeys>${encode ? "<EncodingType>url</EncodingType>" : ""}<IsTruncated>${more}</IsTruncated>${next}${contents}</ListBucketResult>`
}
