import { createHash, hash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import { combine, crc64, crc64Of } from "./crc64nvme.ts"
import type { Checksum, Part } from "./store.ts"

/** A checksum that bytes must have, and whose word it is: what the source keeps of its own, or what a list says. */
export type Promised = Checksum & { readonly by: "source" | "list" }

/**
 * Are these the bytes that were promised? `sha256` is their raw digest, which the copier has anyway; others are
 * computed. Faults as `verifyDigest`'s. Without a promise there is nothing to compare.
 */
export function verifySource(
  key: string,
  promised: Promised | undefined,
  bytes: Buffer,
  sha256: Buffer,
): void {
  if (promised) verifyDigest(key, promised, digestOf(promised.algorithm, bytes, sha256))
}

/**
 * `actual`: what came, in base64. Where it differs, Fault `corrupt source.checksum` for a list's promise, which its
 * author has to correct, and `corrupt source.corrupt` for the source's own, which is damaged or was on its way.
 */
export function verifyDigest(key: string, { algorithm, value, by }: Promised, actual: string): void {
  if (actual === value) return
  const name = quoted(key)
  throw by === "list"
    ? new Fault(
        "corrupt",
        "source.checksum",
        `${name} does not have the ${algorithm} that the list promises.`,
      )
    : new Fault(
        "corrupt",
        "source.corrupt",
        `${name} arrived with other bytes than the source's ${algorithm} is of.`,
      )
}

export type RunningDigest = { update(bytes: Uint8Array): unknown; digest(): string }

/** The digest, in base64, of bytes that come piece by piece. */
export function runningDigest(algorithm: Checksum["algorithm"]): RunningDigest {
  if (algorithm === "crc64nvme") return crc64()
  const hash = createHash(algorithm)
  return { update: (bytes) => hash.update(bytes), digest: () => hash.digest("base64") }
}

/** That of a whole from its parts' checksums, whoever sent them; `undefined` where they do not tell it. */
export function digestOfParts(algorithm: Checksum["algorithm"], parts: readonly Part[]): string | undefined {
  const pieces = parts.flatMap(({ size, checksum }) =>
    checksum?.algorithm === "crc64nvme" ? [{ size, crc: checksum.value }] : [],
  )
  return algorithm === "crc64nvme" && pieces.length === parts.length ? combine(pieces) : undefined
}

function digestOf(algorithm: Checksum["algorithm"], bytes: Buffer, sha256: Buffer): string {
  if (algorithm === "sha256") return sha256.toString("base64")
  return algorithm === "md5" ? hash("md5", bytes, "base64") : crc64Of(bytes)
}
