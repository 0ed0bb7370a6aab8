import { createHash } from "node:crypto"

/** The bytes of one version of an image. */
export type Content = {
  readonly bytes: readonly Buffer[]
  readonly size: number
  readonly sha256: string
  /** Made when it is asked for. */
  readonly md5: string
}

const hash = (algorithm: string, bytes: readonly Buffer[]) => {
  const digest = createHash(algorithm)
  for (const each of bytes) digest.update(each)
  return digest
}

const megabyte = Buffer.alloc(1024 ** 2, "image")
/** A little more than what is moved in one piece. */
const large = Array.from({ length: 9 }, () => megabyte)
const isLarge = (size: number) => size > megabyte.length

/** Large images whose sums were made: the same bytes are not summed twice. */
const known: { readonly whole: Buffer; readonly content: Content }[] = []

function isSame(whole: Buffer, bytes: readonly Buffer[]): boolean {
  let at = 0
  for (const each of bytes) {
    if (!whole.subarray(at, at + each.length).equals(each)) return false
    at += each.length
  }
  return at === whole.length
}

export function contentOf(bytes: readonly Buffer[]): Content {
  const size = bytes.reduce((sum, { length }) => sum + length, 0)
  const before = isLarge(size) ? known.find(({ whole }) => isSame(whole, bytes)) : undefined
  if (before) return before.content
  let md5: string | undefined
  const content: Content = {
    bytes,
    size,
    sha256: hash("sha256", bytes).digest("base64"),
    get md5() {
      md5 ??= hash("md5", bytes).digest("hex")
      return md5
    },
  }
  if (!isLarge(size)) return content
  if (known.length >= 10) known.shift()
  known.push({ whole: Buffer.concat(bytes), content })
  return content
}

export const image = (name: string): Content => contentOf([Buffer.from(name)])
export const largeImage = (name: string): Content => contentOf([Buffer.from(name), ...large])
