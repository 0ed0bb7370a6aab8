/** The same keys by the S3 SDK, page by page, doing nothing with them: `node bench/listing/sdk.ts <endpoint> <count>`. */
import { paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3"

const [endpoint = "", count = "0"] = process.argv.slice(2)
const client = new S3Client({
  endpoint,
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId: "bench", secretAccessKey: "bench-secret" },
})
const start = performance.now()
let keys = 0
for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: "full" }))
  keys += Contents.length
if (keys !== Number(count)) throw new Error(`${keys} keys`)
console.log((performance.now() - start) / 1000)
