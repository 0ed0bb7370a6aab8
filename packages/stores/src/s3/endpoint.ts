import { Fault } from "@imgmigrator/core/fault"
import type { NormalStoreRef } from "@imgmigrator/core/store-ref"
import type { Credentials, StoreSettings } from "../settings.ts"

export type S3Ref = Extract<NormalStoreRef, { type: "s3" }>

export type Endpoint = {
  /** Where connections go. */
  readonly origin: string
  /** As it stands in `Host`, and is signed. */
  readonly host: string
  /** What stands before a key: `/` or `/bucket/`, behind the endpoint's own path. */
  readonly base: string
  readonly region: string
  readonly isAws: boolean
}

const deny = (message: string) => new Fault("denied", "store.credentials", message, { scope: "store" })

/**
 * Which keys sign for a store. A named set goes only to the endpoint and buckets that its operator bound it to; the
 * role's or the environment's own only to AWS, or to this machine where that is allowed. `undefined`: sign nothing.
 */
export async function credentialsFor(ref: S3Ref, settings: StoreSettings): Promise<Credentials | undefined> {
  const { credentials: name } = ref
  if (name === "anonymous") return undefined
  if (!name && !isAws(ref.endpoint) && !(settings.allowLoopback && isLoopback(ref.endpoint)))
    throw deny("endpoint: our own credentials are for AWS only; name a set for it with ?credentials=NAME.")
  const found = await settings.credentials(name)
  if (!found)
    throw deny(
      name
        ? `There is no set of credentials named ${name}; add it to STORE_CREDENTIALS, or name another with ?credentials=NAME.`
        : "There are no credentials of our own; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a set of STORE_CREDENTIALS with ?credentials=NAME.",
    )
  const bound = found.endpoint === undefined ? undefined : normal(found.endpoint)
  const asked = ref.endpoint ?? bound
  if (name && asked !== bound && !(isAws(asked) && isAws(bound)))
    throw deny(
      `credentials: the set ${name} is not for this endpoint; STORE_CREDENTIALS says which one it is for.`,
    )
  if (name && found.buckets && !found.buckets.includes("*") && !found.buckets.includes(ref.bucket))
    throw deny(
      `credentials: the set ${name} is not for the bucket ${ref.bucket}; add it to the set's buckets in STORE_CREDENTIALS.`,
    )
  return bound === undefined ? found : { ...found, endpoint: bound }
}

export function endpointOf(
  ref: S3Ref,
  settings: StoreSettings,
  credentials: Credentials | undefined,
): Endpoint {
  const given = ref.endpoint ?? credentials?.endpoint
  const region = ref.region ?? regionOf(given) ?? credentials?.region ?? settings.region ?? "us-east-1"
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
  const url = new URL(given ?? `https://s3.${region}.${domain}`)
  // A bucket with dots fits no certificate, one with capitals no host name.
  const inHost =
    ref.path_style === undefined ? isAws(given) && /^[a-z0-9-]+$/.test(ref.bucket) : !ref.path_style
  const host = inHost ? `${ref.bucket}.${url.host}` : url.host
  const path = url.pathname.replace(/\/+$/, "")
  return {
    origin: `${url.protocol}//${host}`,
    host,
    base: inHost ? `${path}/` : `${path}/${ref.bucket}/`,
    region,
    isAws: isAws(given),
  }
}

const normal = (endpoint: string) => new URL(endpoint).href.replace(/\/+$/, "")
const hostOf = (endpoint: string) => new URL(endpoint).hostname
const isAws = (endpoint: string | undefined) => !endpoint || /\.amazonaws\.com(\.cn)?$/.test(hostOf(endpoint))
const isLoopback = (endpoint = "") => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostOf(endpoint))

/** As AWS writes it into its host names. */
const regionOf = (endpoint: string | undefined) =>
  endpoint && isAws(endpoint) ? /\bs3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(hostOf(endpoint))?.[1] : undefined
