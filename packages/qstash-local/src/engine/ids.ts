import { randomUUID } from "node:crypto"

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/** A new id such as `msg_0UQ8aZ3k…`: letters and digits, sortable by its time (ms), then 122 random bits. */
export function newId(prefix: string, at: number): string {
  return `${prefix}_${base62(Math.trunc(at), 8)}${randomUUID().replaceAll("-", "")}`
}

function base62(value: number, length: number): string {
  let text = ""
  for (let rest = value; text.length < length; rest = Math.floor(rest / 62)) text = alphabet[rest % 62] + text
  return text
}
