import * as z from "zod"

/** Ids are compared as strings; other backends send numbers. */
const Id = z
  .union([z.string(), z.int()])
  .transform(String)
  .pipe(z.string().regex(/^[\w-]{1,64}$/, "must be 1 to 64 letters, digits, - or _"))

/** What a delivery carries. The first two are the contract with any backend; `lane` is our own. */
export const Payload = z.object({
  migration_id: Id,
  user_id: Id,
  lane: z.int().min(0).max(255).optional(),
})
export type Payload = z.infer<typeof Payload>
