import { createHash } from "node:crypto"
import { AwsClient } from "aws4fetch"
import { type LibraryFile, libraryFiles, mtimeNs } from "../support/library.ts"

export type Bucket = {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly prefix: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Reads every object of the library with a client that is not ours. Gives a line for each that differs from its file. */
export async function verify(where: Bucket): Promise<readonly string[]> {
  const client = new AwsClient({ ...where, service: "s3", retries: 0 })
  const problems: string[] = []
  for (const file of libraryFiles) problems.push(...(await differences(client, where, file)))
  return problems
}

async function differences(client: AwsClient, where: Bucket, file: LibraryFile): Promise<string[]> {
  const key = `${where.prefix}${file.path}`.split("/").map(encodeURIComponent).join("/")
  const answer = await client.fetch(`${where.endpoint}/${where.bucket}/${key}`)
  if (!answer.ok) return [`${file.path}: GET answered ${answer.status}`]
  const sha256 = createHash("sha256")
    .update(new Uint8Array(await answer.arrayBuffer()))
    .digest("hex")
  const type = answer.headers.get("content-type")
  return [
    ...(sha256 === file.sha256 ? [] : [`${file.path}: SHA-256 ${sha256}, not ${file.sha256}`]),
    ...(type === file.contentType ? [] : [`${file.path}: type ${type}, not ${file.contentType}`]),
    ...(isDate(answer.headers.get("x-amz-meta-mtime"), file) ? [] : [`${file.path}: the date was not kept`]),
  ]
}

/** rclone's notation: seconds since 1970 with decimals. */
function isDate(text: string | null, file: LibraryFile): boolean {
  const [whole = "", decimals = ""] = (text ?? "").split(".")
  if (!/^-?\d+$/.test(whole) || !/^\d{0,9}$/.test(decimals)) return false
  return BigInt(whole) * 1_000_000_000n + BigInt(decimals.padEnd(9, "0")) === mtimeNs(file)
}
