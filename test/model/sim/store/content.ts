import { createHash } from "node:crypto"

/** The bytes of one version of an image. */
export type Content = {
  /** For people: which image, which version. */
  readonly name: string
  readonly bytes: readonly Buffer[]
  readonly size: number
  readonly sha256: string
  readonly md5: string
}

const hash = (algorithm: string, bytes: readonly Buffer[]) => {
  const digest = createHash(algorithm)
  for (const each of bytes) digest.update(each)
  return digest
}

export function contentOf(name: string, bytes: readonly Buffer[]): Content {
  return {
    name,
    bytes,
    size: bytes.reduce((sum, { length }) => sum + length, 0),
    sha256: hash("sha256", bytes).digest("base64"),
    md5: hash("md5", bytes).digest("hex"),
  }
}

const megabyte = Buffer.alloc(1024 ** 2, "image")
/** A little more than what is moved in one piece. */
const large = Array.from({ length: 9 }, () => megabyte)

export const image = (name: string, isLarge = false): Content =>
  contentOf(name, [Buffer.from(name), ...(isLarge ? large : [])])

/** A large image's sum is made once a name. */
const known = new Map<string, Content>()
export function largeImage(name: string): Content {
  const found = known.get(name) ?? image(name, true)
  if (known.size < 100) known.set(name, found)
  return found
}
