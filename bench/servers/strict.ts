import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3"
import { rclone, remote } from "../peers/rclone.ts"
import type { StoreServer } from "./server.ts"

const main = fileURLToPath(new URL("../../packages/s3-local/src/main.ts", import.meta.url))

/** Our strict local S3, in a process of its own: it checks each signature and checksum, for everyone. Slower than nginx. */
export async function startStrict(folder: string): Promise<StoreServer> {
  const credentials = { accessKeyId: "bench", secretAccessKey: "bench-secret" }
  const child = spawn(process.execPath, [main, "--port", "0", "--dir", folder], {
    env: { ...process.env, AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench-secret" },
    stdio: ["ignore", "pipe", "inherit"],
  })
  const [line] = await once(createInterface(child.stdout), "line")
  const [url = ""] = /http:\S+/.exec(String(line)) ?? []
  const s3 = new S3Client({ endpoint: url, region: "us-east-1", forcePathStyle: true, credentials })
  const make = async (bucket: string) => void (await s3.send(new CreateBucketCommand({ Bucket: bucket })))
  return {
    name: "s3-local",
    url,
    query: "",
    pids: [child.pid ?? 0],
    make,
    fill: async (bucket, files) => {
      await make(bucket)
      await rclone(files, remote(url, bucket), { transfers: 16, checks: "off" }, [])
    },
    remove: async (Bucket) => {
      for (;;) {
        const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }))
        if (Contents.length === 0) break
        const Objects = Contents.map(({ Key }) => ({ Key }))
        await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }))
      }
      await s3.send(new DeleteBucketCommand({ Bucket }))
    },
    close: async () => {
      s3.destroy()
      child.kill("SIGTERM")
      await once(child, "exit")
    },
  }
}
