import { createHash } from "node:crypto"
import { ulid } from "ulid"
import { createMigration } from "../db/migrations.ts"
import { route } from "../middleware/route.ts"
import { view } from "./migration.ts"
import { CreateMigration } from "./schemas.ts"
import { storesOf } from "./stores.ts"
import { woken } from "./woken.ts"

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

/** Two lists of addresses would be too much; one, up to 256 KB, and what stands around it, are not. */
const bodyLimit = 320 * 1024

/**
 * `POST /api/v1/migrations`: record a migration and wake it. 201 even where no message could be sent: it is recorded,
 * says what it waits for, and the sweeper goes on. `Idempotency-Key`: a repeat gets the migration made first.
 */
export const handler = route(
  CreateMigration,
  async ({ body, headers, caller }) => {
    const at = Date.now()
    const userId = caller.user_id
    const { name, options } = body
    const wish = { userId, id: `mig_${ulid(at)}`, name, options, at, ...storesOf(body, caller) }
    const key = headers["idempotency-key"]
    const request = key ? { key: sha256(key), bodySha256: sha256(JSON.stringify(body)) } : undefined
    const { row, replayed } = await createMigration(wish, request)
    const migration = await view(replayed ? row : await woken(row))
    return {
      status: 201,
      headers: {
        location: `/api/v1/migrations/${row.id}`,
        ...(replayed && { "idempotency-replayed": "true" }),
      },
      body: migration,
    }
  },
  { bodyLimit },
)
