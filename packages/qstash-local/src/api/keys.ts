import { randomBytes } from "node:crypto"
import type { Account } from "../engine/account.ts"
import type { Reply } from "../http/exchange.ts"
import type { Keys } from "../state/state.ts"

const row = "signing"

/** `GET /v2/keys` */
export const getKeys = ({ state }: Account): Reply => ({ status: 200, body: state.keys.get(row) })

/** `POST /v2/keys/rotate`: the next key becomes the current one, and there is a new next one. */
export async function rotateKeys({ state }: Account): Promise<Reply> {
  const keys: Keys = { current: state.keys.get(row)?.next ?? newKey(), next: newKey() }
  state.keys.put(row, keys)
  await state.commit()
  return { status: 200, body: keys }
}

const newKey = () => `sig_${randomBytes(21).toString("base64url")}`
