import { createHash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import { crc64 } from "../crc64nvme.ts"
import type { Checksum, Part } from "../store.ts"
import type { Client } from "./client.ts"
import { damaged, ofDestination } from "./put.ts"
import { openObject } from "./read.ts"

/**
 * Reads an object that was put together from parts and compares it part by part with what is known of each: our own
 * checksum, or an ETag that is its MD5. Returns the SHA-256 of the whole.
 */
export async function confirmByReading(
  client: Client,
  key: string,
  parts: readonly Part[],
  options: { readonly etag?: string; readonly signal?: AbortSignal },
): Promise<Checksum> {
  const { body } = await openObject(client, key, options).catch((error: unknown) => {
    throw ofDestination(error, key)
  })
  const whole = createHash("sha256")
  let index = 0
  let left = parts[0]?.size ?? 0
  let check = checkOf(key, parts[0])
  for await (const chunk of body) {
    whole.update(chunk)
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + left)
      if (piece.length === 0) throw damaged(key)
      check.update(piece)
      at += piece.length
      left -= piece.length
      if (left > 0) continue
      check.end()
      index += 1
      left = parts[index]?.size ?? 0
      if (left > 0) check = checkOf(key, parts[index])
    }
  }
  if (index !== parts.length) throw damaged(key)
  return { algorithm: "sha256", value: whole.digest("base64") }
}

function checkOf(key: string, part: Part | undefined) {
  const { running, expected } = runningFor(key, part)
  return {
    update: (bytes: Uint8Array) => running.update(bytes),
    end() {
      if (running.digest() !== expected) throw damaged(key)
    },
  }
}

function runningFor(
  key: string,
  part: Part | undefined,
): { readonly running: Running; readonly expected: string } {
  const { checksum, etag = "" } = part ?? {}
  if (checksum?.algorithm === "crc64nvme") return { running: crc64(), expected: checksum.value }
  if (checksum) return { running: running(checksum.algorithm), expected: checksum.value }
  if (/^[0-9a-f]{32}$/.test(etag))
    return { running: running("md5"), expected: Buffer.from(etag, "hex").toString("base64") }
  throw new Fault(
    "conflict",
    "destination.unverified",
    `${quoted(key)} can't be verified: the store tells nothing of its parts.`,
  )
}

type Running = { update(bytes: Uint8Array): unknown; digest(): string }

function running(algorithm: "sha256" | "md5"): Running {
  const hash = createHash(algorithm)
  return { update: (bytes) => hash.update(bytes), digest: () => hash.digest("base64") }
}
