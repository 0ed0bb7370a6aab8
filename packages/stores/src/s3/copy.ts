import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import type { Call, Checksum, Entry, Facts, Precondition, Receipt } from "../store.ts"
import type { Client } from "./client.ts"
import type { Conditions } from "./conditions.ts"
import { toHeaders } from "./description.ts"
import { damaged, putFault } from "./put.ts"
import { statObject } from "./read.ts"
import { encodeKey } from "./sign.ts"
import { elementText } from "./xml.ts"

/** CopyObject takes no more (Amazon S3 API Reference: CopyObject). */
const maxCopyBytes = 5 * 1024 ** 3

type Copied = Receipt & { readonly facts: Facts }

/**
 * CopyObject: inside the store's own system, the source held to one version. `undefined` where this object is too large
 * or there is nothing to compare its copy with, `refused` where the store does not let these credentials copy.
 */
export async function copyObject(
  client: Client,
  conditions: Conditions,
  source: Client,
  entry: Entry,
  key: string,
  { precondition, signal }: Call & { readonly precondition?: Precondition },
): Promise<Copied | "refused" | undefined> {
  const facts = await statObject(source, entry.key, signal ? { signal } : {}, "source")
  if (!facts) throw new Fault("missing", "source.missing", `${JSON.stringify(entry.key)} is not there.`)
  if ((facts.size ?? 0) > maxCopyBytes || facts.etag === undefined || !facts.checksum) return undefined
  const algorithm = facts.checksum.algorithm === "crc64nvme" ? "CRC64NVME" : "SHA256"
  const headers = [
    ...["x-amz-copy-source", `/${source.ref.bucket}/${encodeKey(source.ref.prefix + entry.key)}`],
    ...["x-amz-copy-source-if-match", `"${facts.etag}"`],
    ...["x-amz-checksum-algorithm", algorithm],
    ...(await conditions.headers(key, precondition, signal)),
  ]
  // Without a modification time of its own it would take that of the copy.
  if (facts.mtimeExact === undefined) headers.push("x-amz-metadata-directive", "REPLACE", ...toHeaders(facts))
  const answer = await client.collect({ method: "PUT", key, headers, signal })
  if ("refusal" in answer) {
    if (answer.status === 403 || answer.status === 501) return "refused"
    if (answer.status === 412 || answer.status === 404) await checkVersion(source, entry, facts, signal)
    throw putFault(client, key, answer.refusal)
  }
  const xml = answer.bytes.toString()
  const late = xml.includes("<Error>") ? elementText(xml, "Code") : undefined
  if (late) throw putFault(client, key, { status: 500, code: late })
  const etag = elementText(xml, "ETag")?.replaceAll('"', "")
  const value = elementText(xml, `Checksum${algorithm}`)
  const checksum = value
    ? { algorithm: algorithm === "SHA256" ? ("sha256" as const) : ("crc64nvme" as const), value }
    : undefined
  if (!isSame(facts, etag, checksum)) throw damaged(key)
  return { ...(etag && { etag }), checksum: checksum ?? facts.checksum, confirmed: "store", facts }
}

/** What the store says of the copy against what it says of the source; both from its own books, so they must agree. */
function isSame(
  { checksum, etag }: Facts,
  copiedEtag: string | undefined,
  copied: Checksum | undefined,
): boolean {
  if (copied && copied.algorithm === checksum?.algorithm) return copied.value === checksum.value
  return etag !== undefined && etag === copiedEtag
}

/** The condition that did not hold may have been that of the source. */
async function checkVersion(
  source: Client,
  { key }: Entry,
  facts: Facts,
  signal?: AbortSignal,
): Promise<void> {
  const now = await statObject(source, key, signal ? { signal } : {}, "source")
  if (!now) throw new Fault("missing", "source.missing", `${quoted(key)} is not there.`)
  if (now.etag !== facts.etag)
    throw new Fault("stale", "source.changed", `${quoted(key)} changed while it was copied.`)
}
