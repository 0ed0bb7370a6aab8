import * as z from "zod"
import { accept, Fault } from "./fault.ts"
import { readUri, refuse } from "./store-uri.ts"

export { storeUri } from "./store-uri.ts"

/** An inline list of addresses may be this long as JSON; a longer one belongs behind an address of its own. */
export const maxInlineBytes = 256 * 1024

export const ListFormat = z.enum(["csv", "tsv", "ndjson", "txt", "xml"])
export type ListFormat = z.infer<typeof ListFormat>

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const control = /[\u0000-\u001f\u007f]/
const text = z
  .string()
  .min(1, "is empty")
  .refine((value) => !control.test(value), "holds a control character")

const address = z.string().superRefine((value, context) => {
  const url = URL.canParse(value) && !control.test(value) ? new URL(value) : undefined
  const issue = (message: string) => context.addIssue({ code: "custom", message })
  if (!url) return issue("is no URL; write it whole, as https://host/path")
  if (!/^https?:$/.test(url.protocol))
    return issue(`begins with ${url.protocol} and only http: and https: are read`)
  if (url.username || url.password)
    issue("holds a user name or password; addresses with credentials are refused")
})

const endpoint = address.refine((value) => !/[?#]/.test(value), "must be an address without ? or #")

const digest = (bytes: number) =>
  z
    .string()
    .regex(
      new RegExp(`^([0-9a-fA-F]{${bytes * 2}}|[A-Za-z0-9+/]{${Math.ceil((bytes * 4) / 3)}}={0,2})$`),
      `must be ${bytes} bytes in hex or base64`,
    )

/** One address of an inline list. `name`: where it goes, relative to the destination; made from the address if absent. */
export const Address = z.strictObject({
  url: address,
  name: z.string().optional(),
  size: z.int().nonnegative().optional(),
  sha256: digest(32).optional(),
  md5: digest(16).optional(),
})
export type Address = z.infer<typeof Address>

/** `prefix` is a folder. `credentials` names a set of the operator's; `anonymous` signs nothing. */
const S3Ref = z.strictObject({
  type: z.literal("s3"),
  bucket: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/,
      "is no bucket name: 3 to 63 letters, digits, dots, hyphens",
    ),
  prefix: z
    .string()
    .max(900)
    .refine((value) => !control.test(value), "holds a control character")
    .refine((value) => !value.startsWith("/"), "must not begin with /")
    .refine((value) => !/(^|\/)\.{1,2}(\/|$)/.test(value), "must not hold . or .. as a folder")
    .default(""),
  endpoint: endpoint.optional(),
  region: z
    .string()
    .regex(/^[a-z0-9-]{2,40}$/, "is no region, such as eu-central-1")
    .optional(),
  credentials: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be the name of a set of credentials")
    .optional(),
  path_style: z.boolean().optional(),
  /** `sent`: this server checks the SHA-256 it is sent, though it does not repeat it in its answer. */
  verify: z.enum(["sent"], { error: "must be: sent" }).optional(),
})
const ListRef = z.strictObject({ type: z.literal("list"), url: address, format: ListFormat.optional() })
const UrlsRef = z.strictObject({
  type: z.literal("urls"),
  urls: z
    .array(
      z.union([address, Address], { error: "must be an address, or {url, name?, size?, sha256?, md5?}" }),
    )
    .min(1, "is empty"),
})
const FileRef = z.strictObject({ type: z.literal("file"), path: text })

const types = "use s3, list, urls or file"
const StoreObject = z.discriminatedUnion("type", [S3Ref, ListRef, UrlsRef, FileRef], {
  error: ({ input }) =>
    typeof input === "object" && input ? `is no known type of store; ${types}` : "must be a URI or an object",
})

/** A store as a client may write it: a URI, or the same as an object. */
export const StoreRef = z.union([z.string().min(1).max(8192), StoreObject])
export type StoreRef = z.input<typeof StoreRef>

/** A store in its one normal form: `prefix` is empty or ends in `/`; a list has its format. Rows hold this. */
export const NormalStoreRef = z.discriminatedUnion("type", [
  S3Ref,
  ListRef.required({ format: true }),
  UrlsRef,
  FileRef,
])
export type NormalStoreRef = z.output<typeof NormalStoreRef>

/**
 * What a client wrote, in the normal form. Faults: `invalid store.invalid` naming the field, `invalid store.scheme`,
 * `too_large store.urls.too_large`. No message repeats a value, since it may hold a secret.
 */
export function parseStoreRef(input: unknown): NormalStoreRef {
  const ref = accept(StoreObject, typeof input === "string" ? readUri(input) : input, "store.invalid")
  if (ref.type === "s3")
    return { ...ref, prefix: folder(ref.prefix), ...(ref.endpoint && { endpoint: base(ref.endpoint) }) }
  if (ref.type === "list") return { ...ref, format: ref.format ?? formatOf(new URL(ref.url)) }
  if (ref.type === "urls" && new TextEncoder().encode(JSON.stringify(ref.urls)).length > maxInlineBytes)
    throw new Fault(
      "too_large",
      "store.urls.too_large",
      "urls: more than 256 KB of addresses; use a list: put them into a .txt or .csv file behind an https address and name that",
    )
  return ref
}

const folder = (prefix: string) => (prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`)
const base = (url: string) => new URL(url).href.replace(/\/+$/, "")

function formatOf(url: URL): ListFormat {
  const named = ListFormat.safeParse(url.searchParams.get("format"))
  if (named.success) return named.data
  const ending = ListFormat.safeParse(/\.([a-z]+)$/i.exec(url.pathname)?.[1]?.toLowerCase())
  if (ending.success) return ending.data
  return refuse(
    `format: the address does not tell; give format as one of ${ListFormat.options.join(", ")} (for single images use {"type":"urls","urls":[…]})`,
  )
}

/** Does one store lie inside the other, or are they the same? Names only: symbolic links are the caller's to resolve. */
export function nested(a: NormalStoreRef, b: NormalStoreRef): boolean {
  if (a.type === "file" && b.type === "file") return overlap(resolve(a.path), resolve(b.path))
  if (a.type !== "s3" || b.type !== "s3") return false
  return host(a.endpoint) === host(b.endpoint) && a.bucket === b.bucket && overlap(a.prefix, b.prefix)
}

const overlap = (a: string, b: string) => a.startsWith(b) || b.startsWith(a)

/** AWS has one name space of buckets, whatever its endpoint is called. */
const host = (endpoint = "") =>
  !endpoint || /\.amazonaws\.com(\.cn)?$/.test(new URL(endpoint).hostname) ? "aws" : endpoint

function resolve(path: string): string {
  const names: string[] = []
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue
    if (name === ".." && names.length > 0 && names.at(-1) !== "..") names.pop()
    else if (name !== ".." || !path.startsWith("/")) names.push(name)
  }
  return `${path.startsWith("/") ? "/" : "./"}${names.map((name) => `${name}/`).join("")}`
}
