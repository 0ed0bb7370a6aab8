import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { HeadObjectCommand, ListBucketsCommand } from "@aws-sdk/client-s3"
import { expect, onTestFinished, test } from "vitest"
import * as z from "zod"
import type { S3 } from "../../packages/s3-local/src/index.ts"
import { bucket, bytes, sdk, server } from "./support.ts"

const run = promisify(execFile)
const [aws, rclone] = ["/usr/bin/aws", "/usr/bin/rclone"]
const hasAws = existsSync(aws) && existsSync("/usr/lib/python3/dist-packages/awscli")
const hasRclone = existsSync(rclone)
if (!hasAws) console.log("skipped: Debian's aws command line is not at /usr/bin/aws (apt-get install awscli)")
if (!hasRclone) console.log("skipped: rclone is not at /usr/bin/rclone (apt-get install rclone)")

/** A folder of a library's usual sizes and names, one of them large enough to go in parts. */
async function library(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "s3-local-tools-"))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, "2026", "férias"), { recursive: true })
  for (let at = 0; at < 12; at++)
    await writeFile(join(dir, "2026", `img ${at}.jpg`), bytes(3000 * at, at + 1))
  await writeFile(join(dir, "2026", "férias", "praia+sol & mar.png"), bytes(5000))
  await writeFile(join(dir, "large.tif"), bytes(12 * 1024 ** 2))
  return dir
}

/** Without what the machine sets: its CA bundle breaks rclone's S3, a profile would change the key pair. */
function environment(s3: S3, more: Record<string, string> = {}) {
  const { AWS_CA_BUNDLE: _, AWS_PROFILE: _p, AWS_SESSION_TOKEN: _t, ...rest } = process.env
  const keys = { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey }
  return { ...rest, ...keys, AWS_DEFAULT_REGION: s3.region, AWS_CONFIG_FILE: "/dev/null", ...more }
}

/**
 * What Debian's /usr/bin/aws does, its `main`, for one list of arguments after the other: half of a command's time is
 * its start. Writes what each printed to stdout, as JSON, and ends at the first that fails.
 */
const awsInOneProcess = `
import contextlib, io, json, sys
from awscli.clidriver import main
printed = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["aws", *arguments]
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        code = main()
    out.flush()
    printed.append(out.buffer.getvalue().decode())
    if code != 0:
        sys.exit(f"aws {arguments} ended with {code}: {printed[-1]}")
print(json.dumps(printed))`

test.skipIf(!hasAws)(
  "the aws command line makes a bucket, puts, lists, syncs both ways and removes",
  async () => {
    const s3 = await server()
    const from = await library()
    const to = await mkdtemp(join(tmpdir(), "s3-local-tools-"))
    onTestFinished(() => rm(to, { recursive: true, force: true }))
    const options = { env: environment(s3), maxBuffer: 1e7 }
    const at = ["--endpoint-url", s3.url, "s3"]
    await run(aws, [...at, "mb", "s3://made-here"], options)
    const commands = [
      ["sync", from, "s3://made-here/lib", "--only-show-errors"],
      ["ls", "--recursive", "s3://made-here/"],
      ["sync", from, "s3://made-here/lib", "--dryrun"],
      ["sync", "s3://made-here/lib", to, "--only-show-errors"],
      ["cp", "s3://made-here/lib/large.tif", `s3://${bucket}/copied.tif`],
      ["rb", "--force", "s3://made-here"],
    ].map((command) => [...at, ...command])
    const { stdout } = await run(
      "/usr/bin/python3",
      ["-c", awsInOneProcess, JSON.stringify(commands)],
      options,
    )
    const [, listed = "", wouldDo] = z.array(z.string()).parse(JSON.parse(stdout))
    expect(listed.trim().split("\n")).toHaveLength(14)
    expect(listed).toContain("5000 lib/2026/férias/praia+sol & mar.png")
    expect(wouldDo).toBe("")
    for (const name of ["large.tif", "2026/img 7.jpg", "2026/férias/praia+sol & mar.png"])
      expect((await readFile(join(to, name))).equals(await readFile(join(from, name)))).toBe(true)
    const got = await sdk(s3).send(new HeadObjectCommand({ Bucket: bucket, Key: "copied.tif" }))
    expect(got.ContentLength).toBe(12 * 1024 ** 2)
    expect((await sdk(s3).send(new ListBucketsCommand())).Buckets?.map(({ Name }) => Name)).toEqual([bucket])
    expect(s3.requests.filter(({ status }) => status >= 500)).toEqual([])
  },
)

test.skipIf(!hasRclone)("rclone copies, checks, syncs, lists, and streams between two remotes", async () => {
  const s3 = await server()
  const from = await library()
  const remote = (name: string, url: string) => ({
    [`RCLONE_CONFIG_${name}_TYPE`]: "s3",
    [`RCLONE_CONFIG_${name}_PROVIDER`]: "Other",
    [`RCLONE_CONFIG_${name}_ENV_AUTH`]: "true",
    [`RCLONE_CONFIG_${name}_ENDPOINT`]: url,
    [`RCLONE_CONFIG_${name}_CHUNK_SIZE`]: "5M",
  })
  const env = environment(s3, {
    ...remote("HERE", s3.url),
    ...remote("THERE", s3.url.replace("127.0.0.1", "localhost")),
    RCLONE_CONFIG: "/dev/null",
    RCLONE_S3_UPLOAD_CUTOFF: "6M",
  })
  const call = async (...args: string[]) => {
    const { stdout, stderr } = await run(rclone, args, { env, maxBuffer: 1e7 })
    return stdout + stderr
  }
  await call("copy", from, `here:${bucket}/lib`)
  expect(await call("check", from, `here:${bucket}/lib`)).toContain("0 differences found")
  expect(await call("check", "--download", from, `here:${bucket}/lib`)).toContain("0 differences found")
  expect((await call("lsf", "-R", "--files-only", `here:${bucket}/lib`)).trim().split("\n")).toHaveLength(14)
  const puts = s3.stats().PutObject
  await call("sync", from, `here:${bucket}/lib`)
  expect(s3.stats().PutObject).toBe(puts)
  expect(s3.stats().CompleteMultipartUpload).toBe(1)
  await call("copy", `here:${bucket}/lib`, `there:${bucket}/streamed`)
  expect(await call("check", `here:${bucket}/lib`, `there:${bucket}/streamed`)).toContain(
    "0 differences found",
  )
  await call("copy", `here:${bucket}/lib`, `here:${bucket}/copied`)
  expect(await call("check", `here:${bucket}/lib`, `here:${bucket}/copied`)).toContain("0 differences found")
  expect(s3.stats().CopyObject).toBeGreaterThan(0)
  await call("delete", `here:${bucket}/lib`)
  expect(await call("lsf", "-R", "--files-only", `here:${bucket}/lib`)).toBe("")
  expect(s3.requests.filter(({ status }) => status >= 500)).toEqual([])
})
