import { type Algorithm, algorithms } from "../checksums/algorithms.ts"
import { refusal } from "../errors.ts"
import type { Upload, UploadedPart } from "../store/records.ts"
import { readXml } from "../xml-read.ts"

export type WantedPart = {
  readonly number: number
  readonly etag: string
  readonly checksums: ReadonlyMap<Algorithm, string>
}

const minPartBytes = 5 * 1024 ** 2

/** Reads the list that a client sends to complete an upload. */
export function readParts(body: string): readonly WantedPart[] {
  const nodes = readXml(body, "CompleteMultipartUpload").all("Part")
  if (nodes.length === 0) throw refusal("InvalidRequest", "You must specify at least one part")
  if (nodes.length > 10_000) throw refusal("MalformedXML")
  return nodes.map((node) => {
    const number = node.one("PartNumber")?.trim() ?? ""
    const etag = node.one("ETag")?.trim()
    if (!/^\d{1,5}$/.test(number) || etag === undefined) throw refusal("MalformedXML")
    const checksums = algorithms.flatMap((algorithm) => {
      const value = node.one(`Checksum${algorithm}`)?.trim()
      return value ? [[algorithm, value] as const] : []
    })
    return { number: Number(number), etag: etag.replaceAll('"', ""), checksums: new Map(checksums) }
  })
}

/** The uploaded parts that are wanted, checked as S3 does: order, existence, ETag and checksum, size. */
export function chooseParts(upload: Upload, wanted: readonly WantedPart[]): readonly UploadedPart[] {
  if (wanted.some(({ number }, at) => at > 0 && number <= (wanted[at - 1]?.number ?? 0)))
    throw refusal("InvalidPartOrder", undefined, { UploadId: upload.record.id })
  const parts = wanted.map((each) => choosePart(upload, each))
  const small = parts.slice(0, -1).find(({ size }) => size < minPartBytes)
  if (small)
    throw refusal("EntityTooSmall", undefined, {
      ProposedSize: small.size,
      MinSizeAllowed: minPartBytes,
      PartNumber: small.number,
      ETag: small.etag,
    })
  checkConsecutive(upload, parts)
  return parts
}

function choosePart({ record, parts }: Upload, { number, etag, checksums }: WantedPart): UploadedPart {
  const invalid = () =>
    refusal("InvalidPart", undefined, { UploadId: record.id, PartNumber: number, ETag: etag })
  const part = parts.get(number)
  if (!part || part.etag !== etag) throw invalid()
  if (record.type === "COMPOSITE" && !checksums.has(record.algorithm))
    throw refusal(
      "InvalidRequest",
      `The upload was created using a ${record.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
    )
  for (const [algorithm, value] of checksums)
    if (algorithm !== record.algorithm || value !== part.checksum) throw invalid()
  return part
}

/** With composite checksums, parts must be numbered without gaps from 1, else S3 answers 500 (Amazon S3 User Guide: Checking object integrity, multipart uploads). */
function checkConsecutive({ record }: Upload, parts: readonly UploadedPart[]) {
  if (record.type === "COMPOSITE" && parts.some(({ number }, at) => number !== at + 1))
    throw refusal("InternalError")
}
