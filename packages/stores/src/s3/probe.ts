import { randomBytes } from "node:crypto"
import type { Call } from "../store.ts"
import { accepted, type Client } from "./client.ts"
import { s3Fault } from "./faults.ts"
import { readPage } from "./listing.ts"
import { encode } from "./sign.ts"
import { elementText } from "./xml.ts"

/** May the prefix be listed? One key is asked for; what answers must be S3, not a web page. */
export async function probeRead(client: Client, { signal }: Call = {}): Promise<void> {
  const query = `list-type=2&max-keys=1&prefix=${encode(client.ref.prefix)}`
  const answer = await client.collect({ method: "GET", query, signal })
  readPage(accepted(answer, client.about("store")).bytes, client.ref.prefix, client.name)
}

/**
 * May objects be written, and only where a precondition holds? A PUT that must fail tells both and leaves nothing:
 * it expects an ETag of a key that is not there. Returns whether the store looks at preconditions.
 */
export async function probeWrite(client: Client, { signal }: Call = {}): Promise<boolean> {
  const key = `.imgmigrator-probe-${randomBytes(8).toString("hex")}`
  const headers = ["if-match", `"${"0".repeat(32)}"`]
  const answer = await client.collect({ method: "PUT", key, headers, body: Buffer.alloc(0), signal })
  if (!("refusal" in answer)) {
    // It was not looked at, so the key is there now.
    accepted(await client.collect({ method: "DELETE", key, signal }), client.about("store"))
    return false
  }
  const { refusal } = answer
  if (refusal.status === 412 || refusal.code === "NoSuchKey") return true
  if (refusal.status === 501) {
    await probeUpload(client, signal)
    return false
  }
  // AWS asks for s3:GetObject too where If-Match is used; without it, writing what is absent may still be allowed.
  if (refusal.status === 403 && (refusal.code === "AccessDenied" || refusal.code === "")) {
    await probeUpload(client, signal)
    return true
  }
  throw s3Fault(refusal, client.about("store"))
}

/** The same by an upload in parts that is begun and thrown away. */
async function probeUpload(client: Client, signal: AbortSignal | undefined): Promise<void> {
  const key = `.imgmigrator-probe-${randomBytes(8).toString("hex")}`
  const begun = accepted(
    await client.collect({ method: "POST", key, query: "uploads=", signal }),
    client.about("store"),
  )
  const id = elementText(begun.bytes.toString(), "UploadId") ?? ""
  accepted(
    await client.collect({ method: "DELETE", key, query: `uploadId=${encode(id)}`, signal }),
    client.about("store"),
  )
}
