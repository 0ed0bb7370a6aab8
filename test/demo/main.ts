import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, rename, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import { type S3, startS3 } from "s3-local"
import { copyLibrary, libraryFiles } from "../support/library.ts"
import { verify } from "./verify.ts"

/*
 * `npm run demo`: the sample library goes into a bucket by the real path: command line → HTTP API → DynamoDB → QStash
 * message → signed webhook → planned, copied, verified, settled. Everything stays in .imgmigrator/demo of the project
 * (or the folder that is named), so a second run finds it there.
 */
const root = join(import.meta.dirname, "../..")
const folder = resolve(process.argv[2] ?? join(root, ".imgmigrator/demo"))
const library = join(folder, "library")
const keys = { accessKeyId: "demo", secretAccessKey: "demo-secret" }
const bucket = "photos"

await layOut()
const s3 = await startS3({ port: 0, dir: join(folder, "s3"), buckets: [bucket], record: false, ...keys })
try {
  process.exitCode = await demonstrate(s3)
} finally {
  await s3.close()
}

async function demonstrate({ url, region }: S3): Promise<number> {
  const destination = `s3://${bucket}/library?${new URLSearchParams({ endpoint: url, region, credentials: "demo" })}`
  say(`${libraryFiles.length} images in ${library}\nand a bucket at ${url}. Moving them:`)
  const moved = await imgmigrator(["migrate", library, destination], url)
  if (moved.code !== 0) return moved.code

  const [id = ""] = /mig_\w+/.exec(moved.stdout) ?? []
  const reported = await imgmigrator(["report", id], url)
  if (reported.code !== 0) return reported.code

  const problems = await verify({ endpoint: url, region, bucket, prefix: "library/", ...keys })
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) return 1
  say(
    `Read back by ourselves: all ${libraryFiles.length} objects have the SHA-256, type and date of their files.`,
  )
  return 0
}

/** The library with its dates, once. In two steps, so that an interrupted first run leaves no half of it. */
async function layOut(): Promise<void> {
  if (existsSync(library)) return
  await mkdir(folder, { recursive: true })
  await rm(`${library}.new`, { recursive: true, force: true })
  await copyLibrary(`${library}.new`)
  await rename(`${library}.new`, library)
}

/** The command as anyone calls it; its bar and its result are seen as they come. */
async function imgmigrator(args: readonly string[], endpoint: string) {
  const bin = join(root, "packages/cli/bin/imgmigrator.js")
  const set = {
    access_key_id: keys.accessKeyId,
    secret_access_key: keys.secretAccessKey,
    endpoint,
    buckets: [bucket],
  }
  const child = spawn(process.execPath, [bin, ...args, "--state", join(folder, "state")], {
    env: { ...process.env, STORE_CREDENTIALS: JSON.stringify({ demo: set }) },
    stdio: ["ignore", "pipe", "inherit"],
  })
  let stdout = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
    process.stdout.write(text)
  })
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (status) => resolve(status ?? 2))
  })
  return { code, stdout }
}

function say(text: string): void {
  console.log(`\n${text}\n`)
}
