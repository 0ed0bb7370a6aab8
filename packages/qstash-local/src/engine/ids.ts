import { randomBytes } from "node:crypto"

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

/** A new id such as `msg_2bXk…`: sortable by time (ms) first, then 96 random bits. */
export function newId(prefix: string, at: number): string {
  return `${prefix}_${base58(BigInt(Math.trunc(at)), 8)}${base58(BigInt(`0x${randomBytes(12).toString("hex")}`), 17)}`
}

function base58(value: bigint, length: number): string {
  let text = ""
  for (let rest = value; text.length < length; rest /= 58n) text = alphabet[Number(rest % 58n)] + text
  return text
}
