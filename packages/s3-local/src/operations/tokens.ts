import { crc32 } from "node:zlib"
import { refusal } from "../errors.ts"

/** An opaque continuation token for a place in a listing. `nonce` makes another token of the same place. */
export function writeToken(place: string, nonce = ""): string {
  const text = `${nonce}\n${place}`
  return Buffer.from(`${crc32(text).toString(16).padStart(8, "0")}${text}`).toString("base64url")
}

/** The place that a token of ours names; throws InvalidArgument for anything else. */
export function readToken(token: string): string {
  const text = Buffer.from(token, "base64url").toString()
  const [sum, rest] = [text.slice(0, 8), text.slice(8)]
  const at = rest.indexOf("\n")
  if (at >= 0 && crc32(rest).toString(16).padStart(8, "0") === sum) return rest.slice(at + 1)
  throw refusal("InvalidArgument", "The continuation token provided is incorrect", {
    ArgumentName: "continuation-token",
  })
}
