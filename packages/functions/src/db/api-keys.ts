import { createHash, randomBytes } from "node:crypto"
import { accept, Fault } from "@imgmigrator/core/fault"
import { UserId } from "@imgmigrator/core/payload"
import { keys, partition, prefix } from "./keys.ts"
import { ApiKeyRow, parseRow } from "./rows.ts"
import { get, put, query, remove } from "./table.ts"

const hashOf = (key: string) => createHash("sha256").update(key).digest("hex")

export type NewApiKey = {
  readonly userId: string
  readonly name?: string
  readonly prefixes?: readonly string[]
  readonly at: number
}

/**
 * Make an API key for a user. The key itself is told once and never stored: the table has its SHA-256, which is enough
 * since it is 256 random bits. `prefixes` limits it to store URIs that begin so.
 */
export async function createApiKey({
  userId,
  name,
  prefixes,
  at,
}: NewApiKey): Promise<{ readonly key: string; readonly keyId: string }> {
  const user = accept(UserId, userId, "user.invalid")
  const key = `img_${randomBytes(32).toString("base64url")}`
  const hash = hashOf(key)
  const row = {
    user_id: user,
    key_id: hash.slice(0, 12),
    name,
    prefixes,
    created_at: new Date(at).toISOString(),
  }
  await put({ key: keys.apiKey(hash), item: row })
  await put({ key: keys.userKey(user, hash), item: row })
  return { key, keyId: row.key_id }
}

/** Whose key this is; `undefined` for one that is not known. */
export async function findApiKey(key: string): Promise<ApiKeyRow | undefined> {
  const row = await get(keys.apiKey(hashOf(key)))
  return row && parseRow(ApiKeyRow, row)
}

export async function listApiKeys(userId: string): Promise<readonly ApiKeyRow[]> {
  return (await userKeys(userId)).map(({ row }) => row)
}

/** Fault `missing key.missing` where the user has no such key. */
export async function revokeApiKey(userId: string, keyId: string): Promise<void> {
  const found = (await userKeys(userId)).find(({ row }) => row.key_id === keyId)
  if (!found) throw new Fault("missing", "key.missing", `The user ${userId} has no key ${keyId}.`)
  await remove({ key: keys.apiKey(found.hash) })
  await remove({ key: keys.userKey(userId, found.hash) })
}

async function userKeys(userId: string) {
  const found: { readonly hash: string; readonly row: ApiKeyRow }[] = []
  for await (const row of query({
    condition: "#pk = :pk AND begins_with(#sk, :prefix)",
    values: { pk: partition.user(userId), prefix: prefix.key },
  }))
    found.push({ hash: String(row.sk).slice(prefix.key.length), row: parseRow(ApiKeyRow, row) })
  return found
}
