import { createHash, hash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import type { Call, Description, Precondition, Receipt } from "../store.ts"
import type { Client } from "./client.ts"
import type { Conditions } from "./conditions.ts"
import { toHeaders, unquoted } from "./description.ts"
import { type Refusal, s3Fault } from "./faults.ts"
import { openObject } from "./read.ts"

type Put = Call & {
  readonly sha256: Buffer
  readonly description: Description
  readonly precondition?: Precondition
}

/**
 * PutObject with the SHA-256 in the signature and as a checksum to be kept. What the answer repeats of it, or an ETag
 * that is the MD5 of the bytes, shows what arrived; otherwise the object is read back.
 */
export async function putObject(
  client: Client,
  conditions: Conditions,
  key: string,
  bytes: Buffer,
  options: Put,
): Promise<Receipt> {
  const { sha256, description, precondition, signal } = options
  const value = sha256.toString("base64")
  const conditional = precondition ? await conditions.headers(key, precondition, signal) : []
  const send = (checksum: readonly string[]) => {
    const headers = [...toHeaders(description), ...checksum, ...conditional]
    return client.collect({
      method: "PUT",
      key,
      headers,
      body: bytes,
      payload: sha256.toString("hex"),
      signal,
    })
  }
  let answer = await send(client.habits.checksums ? ["x-amz-checksum-sha256", value] : [])
  if ("refusal" in answer && client.habits.checksums && isUnknown(answer.refusal)) {
    const plain = await send([])
    if (!("refusal" in plain)) client.habits.checksums = false
    answer = plain
  }
  if ("refusal" in answer) throw putFault(client, key, answer.refusal)
  const etag = unquoted(answer.headers.etag)
  const receipt = { ...(etag !== undefined && { etag }), checksum: { algorithm: "sha256" as const, value } }
  const echo = answer.headers["x-amz-checksum-sha256"]
  if (echo !== undefined && echo !== value) throw damaged(key)
  if (echo !== undefined || client.ref.verify === "sent" || isMd5Of(etag, bytes))
    return { ...receipt, confirmed: "store" }
  await readBack(client, key, etag, sha256, signal)
  return { ...receipt, confirmed: "read-back" }
}

/** Some servers refuse a header that they do not know rather than ignore it. */
export const isUnknown = ({ code }: Refusal) => /^(InvalidRequest|InvalidArgument|NotImplemented)$/.test(code)

/** For a write that depends on an ETag, "no such key" means that the condition does not hold. */
export const putFault = (client: Client, key: string, refusal: Refusal) =>
  s3Fault(
    refusal.code === "NoSuchKey" ? { ...refusal, status: 412 } : refusal,
    client.about("destination", key),
  )

const isMd5Of = (etag: string | undefined, bytes: Buffer) =>
  etag !== undefined && /^[0-9a-f]{32}$/.test(etag) && etag === hash("md5", bytes)

async function readBack(
  client: Client,
  key: string,
  etag: string | undefined,
  sha256: Buffer,
  signal?: AbortSignal,
): Promise<void> {
  const read = createHash("sha256")
  try {
    const { body } = await openObject(client, key, {
      ...(etag !== undefined && { etag }),
      ...(signal && { signal }),
    })
    for await (const chunk of body) read.update(chunk)
  } catch (error) {
    throw ofDestination(error, key)
  }
  if (!read.digest().equals(sha256)) throw damaged(key)
}

/** What goes wrong in reading back is told of the destination. */
export function ofDestination(error: unknown, key: string): unknown {
  if (!(error instanceof Fault) || !error.code.startsWith("source.")) return error
  if (error.kind === "stale" || error.kind === "missing")
    return new Fault(
      "conflict",
      "destination.changed",
      `${quoted(key)} was changed by another while it was written.`,
    )
  return new Fault(error.kind, error.code.replace("source.", "destination."), error.message, { cause: error })
}

export const damaged = (key: string) =>
  new Fault(
    "corrupt",
    "destination.corrupt",
    `${quoted(key)} was damaged on its way: the store has other bytes than were sent.`,
  )
