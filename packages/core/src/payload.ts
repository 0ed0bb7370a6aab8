import * as z from "zod"

/** Ids are compared as strings; other backends send numbers. */
const id = (pattern: RegExp, words: string) =>
  z.union([z.string(), z.int()]).transform(String).pipe(z.string().regex(pattern, words))

export const MigrationId = id(/^[\w-]{1,64}$/, "must be 1 to 64 letters, digits, - or _")
/** No `#`: it separates the parts of the table's keys. */
export const UserId = id(/^[\w.@+-]{1,128}$/, "must be 1 to 128 letters, digits or any of . @ + - _")

/** What a delivery carries. The first two are the contract with any backend; `lane` is our own. */
export const Payload = z.object({
  migration_id: MigrationId,
  user_id: UserId,
  lane: z.int().min(0).max(255).optional(),
})
export type Payload = z.infer<typeof Payload>
