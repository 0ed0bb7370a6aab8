/** Every key of the one table. Numbers are padded so that they sort. */
const padded = (n: number, digits: number) => String(n).padStart(digits, "0")

const user = (userId: string) => `USER#${userId}`
const migration = (id: string) => `MIGRATION#${id}`
const usage = (day: string) => `USAGE#${day}`
const chunk = (id: string, n: number) => `MIGRATION#${id}#${n}`

export const prefix = {
  migration: "MIGRATION#",
  lane: "LANE#",
  failed: "FAILED#",
  upload: "UPLOAD#",
  key: "KEY#",
} as const

export const keys = {
  /** The user's partition is the ownership check: another user's migration is absent by construction. */
  migration: (userId: string, id: string) => ({ pk: user(userId), sk: `MIGRATION#${id}` }),
  request: (userId: string, hash: string) => ({ pk: user(userId), sk: `REQUEST#${hash}` }),
  userKey: (userId: string, hash: string) => ({ pk: user(userId), sk: `KEY#${hash}` }),
  apiKey: (hash: string) => ({ pk: `KEY#${hash}`, sk: "KEY" }),
  /** One day's messages, of everyone. */
  usage: (day: string) => ({ pk: usage(day), sk: "MESSAGES" }),
  lane: (id: string, lane: number) => ({ pk: migration(id), sk: `LANE#${padded(lane, 3)}` }),
  source: (id: string) => ({ pk: migration(id), sk: "SOURCE" }),
  failed: (id: string, n: number) => ({ pk: migration(id), sk: `FAILED#${padded(n, 9)}` }),
  upload: (id: string, n: number, index: number) => ({
    pk: migration(id),
    sk: `UPLOAD#${padded(n, 9)}#${padded(index, 6)}`,
  }),
  manifest: (id: string, n: number) => ({ pk: chunk(id, n), sk: "MANIFEST" }),
  outcome: (id: string, n: number, fence: number, seq: number) => ({
    pk: chunk(id, n),
    sk: `OUTCOME#${padded(fence, 9)}#${padded(seq, 6)}`,
  }),
  moved: (id: string, n: number, pass: number) => ({ pk: chunk(id, n), sk: `MOVED#${padded(pass, 6)}` }),
} as const

export const partition = { user, migration, chunk, usage } as const

/**
 * The sparse index of migrations that want work; only those rows carry the attribute. `ended`: those that have ended and
 * wait for their date of deletion.
 */
export const activeIndex = { name: "active", attribute: "active", value: "ACTIVE", ended: "ENDED" } as const

export type Key = { readonly pk: string; readonly sk: string }
export const keyText = ({ pk, sk }: Key) => `${pk}/${sk}`
