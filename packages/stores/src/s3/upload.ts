import { hash } from "node:crypto"
import { crc64Of } from "../crc64nvme.ts"
import type { Call, Checksum, Description, Part, Upload } from "../store.ts"
import { partSize } from "../store.ts"
import { accepted, type Client } from "./client.ts"
import { toHeaders, unquoted } from "./description.ts"
import { s3Fault } from "./faults.ts"
import { damaged, isUnknown } from "./put.ts"
import { encode, unsignedPayload } from "./sign.ts"
import { elements, elementText } from "./xml.ts"

/**
 * How the parts of an upload are checked, which its id begins with: `c` CRC64NVME, which S3 combines into that of the
 * whole object; `s` SHA-256 of each part; `n` no checksum that the server knows, so the signature's SHA-256 alone.
 */
const modes = ["c", "s", "n"] as const
export type Mode = (typeof modes)[number]
const algorithms = { c: "CRC64NVME", s: "SHA256" } as const
const mebibyte = 1024 * 1024
const maxParts = 10_000

export const modeOf = ({ id }: Upload): Mode => modes.find((mode) => id.startsWith(`${mode}!`)) ?? "n"
export const idQuery = ({ id }: Upload) => `uploadId=${encode(id.replace(/^[csn]!/, ""))}`

/** Parts of 8 MiB, of whole MiB more where 10,000 of them would not do. */
export const partSizeFor = (size = 0) => Math.max(partSize, Math.ceil(size / maxParts / mebibyte) * mebibyte)

/** CreateMultipartUpload, with the best checksum that the server accepts. */
export async function beginUpload(
  client: Client,
  key: string,
  options: Call & { readonly description: Description; readonly size?: number },
): Promise<Upload> {
  const { description, size, signal } = options
  for (const mode of modes) {
    const headers = toHeaders(description)
    if (mode !== "n") headers.push("x-amz-checksum-algorithm", algorithms[mode])
    if (mode === "c") headers.push("x-amz-checksum-type", "FULL_OBJECT")
    const answer = await client.collect({ method: "POST", key, query: "uploads=", headers, signal })
    const unknown = "refusal" in answer && isUnknown(answer.refusal)
    if (unknown && mode !== "n") continue
    const id = elementText(accepted(answer, client.about("destination", key)).bytes.toString(), "UploadId")
    if (id) return { key, id: `${mode}!${id}`, partSize: partSizeFor(size) }
  }
  throw s3Fault({ status: 500, code: "InternalError" }, client.about("destination", key))
}

/** UploadPart. The checksum that comes back for a part is the one that `complete` wants to see. */
export async function putPart(
  client: Client,
  upload: Upload,
  number: number,
  bytes: Buffer,
  { signal }: Call = {},
): Promise<Part> {
  const mode = modeOf(upload)
  const checksum: Checksum =
    mode === "c"
      ? { algorithm: "crc64nvme", value: crc64Of(bytes) }
      : { algorithm: "sha256", value: hash("sha256", bytes, "base64") }
  const headers = mode === "n" ? [] : [`x-amz-checksum-${checksum.algorithm}`, checksum.value]
  const payload = mode === "c" ? unsignedPayload : Buffer.from(checksum.value, "base64").toString("hex")
  const query = `partNumber=${number}&${idQuery(upload)}`
  const answer = await client.collect({
    method: "PUT",
    key: upload.key,
    query,
    headers,
    body: bytes,
    payload,
    signal,
  })
  const put = accepted(answer, client.about("destination", upload.key))
  const echo = put.headers[`x-amz-checksum-${checksum.algorithm}`]
  if (echo !== undefined && echo !== checksum.value) throw damaged(upload.key)
  const etag = unquoted(put.headers.etag)
  return { number, size: bytes.length, ...(etag !== undefined && { etag }), checksum }
}

/** ListParts, all of its pages. */
export async function listParts(
  client: Client,
  upload: Upload,
  { signal }: Call = {},
): Promise<readonly Part[]> {
  const parts: Part[] = []
  for (let marker = 0; ; ) {
    const query = `max-parts=1000&part-number-marker=${marker}&${idQuery(upload)}`
    const answer = await client.collect({ method: "GET", key: upload.key, query, signal }, 4 * mebibyte)
    const xml = accepted(answer, client.about("destination", upload.key)).bytes.toString()
    for (const part of elements(xml, "Part")) parts.push(readPart(part))
    const last = parts.at(-1)?.number ?? 0
    if (elementText(xml, "IsTruncated") !== "true" || last <= marker) return parts
    marker = last
  }
}

function readPart(xml: string): Part {
  const etag = elementText(xml, "ETag")?.replaceAll('"', "")
  const crc = elementText(xml, "ChecksumCRC64NVME")
  const sha = elementText(xml, "ChecksumSHA256")
  return {
    number: Number(elementText(xml, "PartNumber")),
    size: Number(elementText(xml, "Size")),
    ...(etag && { etag }),
    ...(crc
      ? { checksum: { algorithm: "crc64nvme", value: crc } }
      : sha && { checksum: { algorithm: "sha256", value: sha } }),
  }
}

/** AbortMultipartUpload. */
export async function abortUpload(client: Client, upload: Upload, { signal }: Call = {}): Promise<void> {
  const answer = await client.collect({ method: "DELETE", key: upload.key, query: idQuery(upload), signal })
  if ("refusal" in answer && answer.status === 404 && answer.refusal.code !== "NoSuchBucket") return
  accepted(answer, client.about("destination", upload.key))
}
