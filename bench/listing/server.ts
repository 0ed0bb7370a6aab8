/**
 * A bucket of `count` keys that only lists, each page after `latency` ms, as S3 takes its time:
 * `node bench/listing/server.ts <count> <latency> <keys a folder>` prints its port. 0 keys a folder: random names.
 */
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"

const [count = 0, latency = 0, perFolder = 1_000] = process.argv.slice(2).map(Number)
const keyOf = (i: number) =>
  perFolder === 0 ? `${createHash("md5").update(String(i)).digest("hex")}.jpg` : camera(i)
const camera = (i: number) =>
  `DCIM/${100 + Math.floor(i / perFolder)}CANON/IMG_${String(1 + (i % perFolder)).padStart(4, "0")}.JPG`
const keys = Array.from({ length: count }, (_, i) => keyOf(i)).sort()
const lines = keys.map(
  (key, i) =>
    `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;${i.toString(16).padStart(32, "0")}&quot;</ETag><Size>300000</Size><StorageClass>STANDARD</StorageClass></Contents>`,
)

function firstAfter(after: string): number {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle] ?? "") <= after) low = middle + 1
    else high = middle
  }
  return low
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://lister")
  const query = url.searchParams
  const from = url.pathname.startsWith("/empty")
    ? count
    : firstAfter(query.get("continuation-token") ?? query.get("start-after") ?? "")
  const to = Math.min(count, from + Number(query.get("max-keys") ?? 1_000))
  if (latency > 0) await sleep(latency)
  const next = to < count ? `<NextContinuationToken>${keys[to - 1]}</NextContinuationToken>` : ""
  response.setHeader("content-type", "application/xml")
  response.end(
    `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>b</Name><Prefix></Prefix><KeyCount>${to - from}</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>${to < count}</IsTruncated>${next}${lines.slice(from, to).join("")}</ListBucketResult>`,
  )
}).listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (address !== null && typeof address === "object") console.log(address.port)
})
