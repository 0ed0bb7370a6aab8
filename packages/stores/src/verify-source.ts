import { hash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { crc64Of } from "./crc64nvme.ts"
import type { Checksum } from "./store.ts"

/**
 * Are these the bytes that the source says it holds? `sha256` is their raw digest, which the copier has anyway; others
 * are computed. Fault `corrupt source.corrupt` where they differ. Without a checksum there is nothing to compare.
 */
export function verifySource(
  key: string,
  checksum: Checksum | undefined,
  bytes: Buffer,
  sha256: Buffer,
): void {
  if (!checksum || digestOf(checksum.algorithm, bytes, sha256) === checksum.value) return
  const message = `${JSON.stringify(key)} arrived with other bytes than the source's ${checksum.algorithm} is of.`
  throw new Fault("corrupt", "source.corrupt", message)
}

function digestOf(algorithm: Checksum["algorithm"], bytes: Buffer, sha256: Buffer): string {
  if (algorithm === "sha256") return sha256.toString("base64")
  return algorithm === "md5" ? hash("md5", bytes, "base64") : crc64Of(bytes)
}
