import { refusal } from "../errors.ts"

export type Query = ReadonlyMap<string, string>

/** What a request addresses. `pairs` keeps the query's order and repetitions, for its signature. */
export type Target = {
  readonly bucket?: string
  readonly key?: string
  readonly query: Query
  readonly pairs: readonly (readonly [name: string, value: string])[]
  /** The decoded path as it was sent, with the bucket in path style. */
  readonly path: string
}

const plain = /^[\x21-\x7e]*$/

/** Reads `url` in path style, or in virtual-host style where `host` names a bucket; throws InvalidURI. */
export function readTarget(url: string, host: string | undefined, region: string): Target {
  const relative = url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/?]*/i, "")
  const at = relative.indexOf("?")
  const path = decode(at < 0 ? relative : relative.slice(0, at), false)
  if (!path.startsWith("/")) throw refusal("InvalidURI")
  const pairs = at < 0 ? [] : readQuery(relative.slice(at + 1))
  const query = new Map([...pairs].reverse())
  const named = bucketOfHost(host, region)
  if (named) return { bucket: named, ...keyOf(path.slice(1)), query, pairs, path }
  const slash = path.indexOf("/", 1)
  const bucket = slash < 0 ? path.slice(1) : path.slice(1, slash)
  if (!bucket) return { query, pairs, path }
  return { bucket, ...keyOf(slash < 0 ? "" : path.slice(slash + 1)), query, pairs, path }
}

/** As a string of its own: a slice would keep the whole request line, signature and all, with every object. */
const keyOf = (key: string) => (key ? { key: Buffer.from(key).toString() } : {})

function readQuery(text: string): [string, string][] {
  return text
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=")
      return at < 0
        ? [decode(pair, true), ""]
        : [decode(pair.slice(0, at), true), decode(pair.slice(at + 1), true)]
    })
}

function decode(text: string, plusIsSpace: boolean): string {
  const spaced = plusIsSpace && text.includes("+") ? text.replaceAll("+", " ") : text
  if (!spaced.includes("%") && plain.test(spaced)) return spaced
  try {
    return decodeURIComponent(fromLatin1(spaced))
  } catch {
    throw refusal("InvalidURI")
  }
}

/** Node hands over bytes above 127 as Latin-1; S3 takes them for UTF-8. */
export function fromLatin1(text: string): string {
  for (let at = 0; at < text.length; at++)
    if (text.charCodeAt(at) > 127)
      return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(text, "latin1"))
  return text
}

/** The bucket in a Host such as `photos.localhost:9000` or `photos.s3.us-east-1.amazonaws.com`. */
function bucketOfHost(host: string | undefined, region: string): string | undefined {
  const name = host?.replace(/:\d*$/, "").toLowerCase()
  if (!name?.includes(".") || /^[\d.]+$/.test(name)) return undefined
  const suffixes = [".s3.localhost", ".localhost", `.s3.${region}.amazonaws.com`, ".s3.amazonaws.com"]
  const suffix = suffixes.find((each) => name.endsWith(each))
  const bucket = suffix && name.slice(0, -suffix.length)
  return bucket && bucket !== "s3" ? bucket : undefined
}
