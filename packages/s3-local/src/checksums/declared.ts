import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import { type Algorithm, algorithms, checksumHeader, digestBytes, isAlgorithm } from "./algorithms.ts"

/** What a request says its payload's checksum is; `value` is absent when it follows in a trailer. */
export type Declared = { readonly algorithm: Algorithm; readonly value?: string }

/** Reads `x-amz-checksum-*`, `x-amz-trailer` and `x-amz-sdk-checksum-algorithm` (Amazon S3 User Guide: Checking object integrity). */
export function declaredChecksum(incoming: Incoming): Declared | undefined {
  const found = algorithms.flatMap((algorithm) => {
    const value = header(incoming, checksumHeader(algorithm))
    return value === undefined ? [] : [{ algorithm, value }]
  })
  const trailing = trailingAlgorithm(header(incoming, "x-amz-trailer"))
  if (found.length + (trailing ? 1 : 0) > 1)
    throw refusal(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
  const [first] = found
  if (first) checkForm(first.algorithm, first.value)
  const declared = first ?? (trailing && { algorithm: trailing })
  refuseUnknown(incoming)
  const wanted = header(incoming, "x-amz-sdk-checksum-algorithm")?.toUpperCase()
  if (wanted !== undefined && !isAlgorithm(wanted)) throw unsupported()
  if (wanted !== undefined && !declared)
    throw refusal(
      "InvalidRequest",
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    )
  if (wanted !== undefined && declared && wanted !== declared.algorithm)
    throw refusal("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
  return declared
}

/** Throws InvalidRequest where `value` can't be a digest of `algorithm` in base64. */
export function checkForm(algorithm: Algorithm, value: string) {
  if (isDigest(value, digestBytes[algorithm])) return
  throw refusal("InvalidRequest", `Value for ${checksumHeader(algorithm)} header is invalid.`)
}

export function isDigest(value: string, bytes: number): boolean {
  const decoded = Buffer.from(value, "base64")
  return decoded.length === bytes && decoded.toString("base64") === value
}

/** S3 knows more algorithms than this server does; leaving one unchecked would be a silent lie. */
function refuseUnknown({ headers }: Incoming) {
  const known = new Set(["x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm"])
  const unknown = Object.keys(headers).find(
    (name) =>
      name.startsWith("x-amz-checksum-") &&
      !known.has(name) &&
      !isAlgorithm(name.slice("x-amz-checksum-".length).toUpperCase()),
  )
  if (unknown !== undefined) throw refusal("NotImplemented", `${unknown} is not implemented.`)
}

export const unsupported = () =>
  refusal(
    "InvalidRequest",
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
  )

function trailingAlgorithm(names: string | undefined): Algorithm | undefined {
  if (names === undefined) return undefined
  const name = names.trim().toLowerCase()
  const algorithm = algorithms.find((each) => checksumHeader(each) === name)
  if (algorithm) return algorithm
  throw refusal("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
}
