import { randomUUID } from "node:crypto"
import { createApiKey } from "../../../packages/functions/src/db/api-keys.ts"
import { listMigrations } from "../../../packages/functions/src/db/migrations.ts"
import type { Setup } from "./setup.ts"
import type { Stage } from "./stage.ts"

export type Asked = {
  readonly id: string
  /** What a client that repeats itself must not have made: promises broken so far, and a look for the end. */
  broken(): Promise<readonly string[]>
}

type Answer = { readonly status: number; readonly id?: string; readonly isReplayed: boolean }

/**
 * Ask over HTTP as a client does that believes only an answer: the same request with the same Idempotency-Key until there
 * is one, and once more behind it.
 */
export async function askAtDoor(stage: Stage, wish: Setup["wish"], userId: string): Promise<Asked> {
  const { key } = await createApiKey({ userId, name: "crash", at: stage.clock.now() })
  const headers = {
    authorization: `Bearer ${key}`,
    "content-type": "application/json",
    "idempotency-key": randomUUID(),
  }
  const ask = async (): Promise<Answer> => {
    const request = { method: "POST", headers, body: JSON.stringify(wish) }
    const response = await fetch(`${stage.url}/api/v1/migrations`, request)
    const body = (await response.json()) as { readonly id?: string }
    const isReplayed = response.headers.get("idempotency-replayed") === "true"
    return { status: response.status, ...(body.id && { id: body.id }), isReplayed }
  }
  let first = await ask()
  // Whoever was called has died; each dies once.
  for (let tries = 1; first.status >= 500 && tries < 3; tries++) first = await ask()
  if (first.status !== 201 || !first.id) throw new Error(`A migration was asked for: ${first.status}.`)
  const { id } = first
  let again = await ask()
  if (again.status >= 500) again = await ask()
  return {
    id,
    broken: async () => {
      const { rows } = await listMigrations(userId, { limit: 10 })
      return [
        ...(again.id === id && again.isReplayed
          ? []
          : [`asked again, the answer is ${JSON.stringify(again)}`]),
        ...(rows.length === 1 && rows[0]?.id === id
          ? []
          : [`there are ${rows.length} migrations for one key`]),
      ]
    },
  }
}
