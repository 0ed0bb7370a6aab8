import { hash } from "node:crypto"
import type { Call, Description, Part, Precondition, Receipt, Upload } from "../store.ts"
import { digestOfParts } from "../verify-source.ts"
import { accepted, type Client } from "./client.ts"
import type { Conditions } from "./conditions.ts"
import { damaged, putFault } from "./put.ts"
import { confirmByReading } from "./read-back.ts"
import { idQuery, type Mode, modeOf } from "./upload.ts"
import { elementText, toEntities } from "./xml.ts"

type Complete = Call & { readonly description: Description; readonly precondition?: Precondition }

/** CompleteMultipartUpload; its answer begins with 200 before it is known how it ends (Amazon S3 API Reference). */
export async function completeUpload(
  client: Client,
  conditions: Conditions,
  upload: Upload,
  parts: readonly Part[],
  options: Complete,
): Promise<Receipt> {
  const { key } = upload
  const { precondition, signal } = options
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const mode = modeOf(upload)
  const crc = mode === "c" ? digestOfParts("crc64nvme", parts) : undefined
  const headers = [
    "x-amz-mp-object-size",
    String(size),
    ...(await conditions.headers(key, precondition, signal)),
  ]
  if (crc) headers.push("x-amz-checksum-type", "FULL_OBJECT", "x-amz-checksum-crc64nvme", crc)
  const body = Buffer.from(
    `${root}${parts.map((part) => partXml(part, mode)).join("")}</CompleteMultipartUpload>`,
  )
  const answer = await client.collect({
    method: "POST",
    key,
    query: idQuery(upload),
    headers,
    body,
    payload: hash("sha256", body),
    signal,
  })
  // A key that was written since the upload began: what was planned does not hold any more.
  if ("refusal" in answer && answer.refusal.code === "ConditionalRequestConflict")
    throw putFault(client, key, { ...answer.refusal, status: 412 })
  if ("refusal" in answer && answer.status === 404 && answer.refusal.code === "NoSuchKey")
    throw putFault(client, key, answer.refusal)
  const xml = accepted(answer, client.about("destination", key)).bytes.toString()
  const late = elementText(xml, "Code")
  if (late && xml.includes("<Error>")) throw putFault(client, key, { status: 500, code: late })
  const etag = elementText(xml, "ETag")?.replaceAll('"', "")
  const whole = elementText(xml, "ChecksumCRC64NVME")
  if (crc && whole && whole !== crc) throw damaged(key)
  if (crc && whole)
    return { ...(etag && { etag }), checksum: { algorithm: "crc64nvme", value: crc }, confirmed: "store" }
  const checksum = await confirmByReading(client, key, parts, {
    ...(etag && { etag }),
    ...(signal && { signal }),
  })
  return { ...(etag && { etag }), checksum, confirmed: "read-back" }
}

const root = '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'

/** With the part's checksum where the upload was begun with its algorithm. */
function partXml({ number, etag = "", checksum }: Part, mode: Mode): string {
  const crc =
    mode === "c" &&
    checksum?.algorithm === "crc64nvme" &&
    `<ChecksumCRC64NVME>${checksum.value}</ChecksumCRC64NVME>`
  const sha =
    mode === "s" && checksum?.algorithm === "sha256" && `<ChecksumSHA256>${checksum.value}</ChecksumSHA256>`
  return `<Part><PartNumber>${number}</PartNumber><ETag>&#34;${toEntities(etag)}&#34;</ETag>${crc || sha || ""}</Part>`
}
