import type { Credentials, StoreSettings } from "@imgmigrator/stores/settings"
import * as z from "zod"
import { isLocal, setting, wrong } from "./settings.ts"

/** Keys, and where they may be used. `*` among the buckets is any. */
const Named = z.record(
  z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/),
  z.strictObject({
    access_key_id: z.string().min(1),
    secret_access_key: z.string().min(1),
    session_token: z.string().min(1).optional(),
    region: z.string().min(1).optional(),
    endpoint: z.url({ protocol: /^https?$/ }).optional(),
    buckets: z.array(z.string().min(1)).min(1),
  }),
)

/** STORE_CREDENTIALS: sets of keys by name, each bound to an endpoint (AWS if absent) and its buckets. */
export function storeCredentials(): ReadonlyMap<string, Credentials> {
  const text = setting("STORE_CREDENTIALS") ?? "{}"
  try {
    return new Map(
      Object.entries(Named.parse(JSON.parse(text))).map(([name, set]) => [
        name,
        {
          accessKeyId: set.access_key_id,
          secretAccessKey: set.secret_access_key,
          buckets: set.buckets,
          ...(set.session_token && { sessionToken: set.session_token }),
          ...(set.region && { region: set.region }),
          ...(set.endpoint && { endpoint: set.endpoint }),
        },
      ]),
    )
  } catch (error) {
    // Neither the text nor its parser's words: both hold secrets.
    const at = error instanceof z.ZodError ? `: ${error.issues[0]?.path.join(".")} is missing or wrong` : ""
    throw wrong(`STORE_CREDENTIALS is not the JSON that .env.example shows${at}.`)
  }
}

/** What the operator allows the stores. Without a name: the function's role, or the environment. */
export const storeSettings = (): StoreSettings => ({
  allowLoopback: isLocal(),
  allowFile: isLocal(),
  credentials: async (name) =>
    (name === undefined ? undefined : storeCredentials().get(name)) ?? (await fromAws(name)),
  ...(process.env.AWS_REGION && { region: process.env.AWS_REGION }),
})

/** AWS's own chain; locally a name may also be one of the user's AWS profiles. Loaded only by who opens stores. */
async function fromAws(profile: string | undefined): Promise<Credentials | undefined> {
  if (profile !== undefined && !isLocal()) return undefined
  // A machine of one's own has no metadata service; asking for it would only take time.
  if (isLocal()) process.env.AWS_EC2_METADATA_DISABLED ??= "true"
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node")
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await defaultProvider(profile ? { profile } : {})()
    return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
  } catch {
    return undefined
  }
}
