import { Migration, NewMigration, Progress } from "@imgmigrator/core/migration"
import { Outcome, ReportEntry } from "@imgmigrator/core/outcome"
import { Status } from "@imgmigrator/core/status"
import * as z from "zod"

/**
 * A store as it comes: looked at by `parseStoreRef` afterwards, which names the field that is wrong, where a union of
 * schemas could only say that none of them fits. The API's description shows core's `StoreRef` in its place.
 */
export const AnyStore = z
  .unknown()
  .refine((store) => store !== undefined, "is missing; give a URI or an object")

const Path = z.strictObject({
  id: z.string().describe("The migration's id, such as mig_01JD8Z5V0E4M3XW3T9Q2B7K6RC."),
})

const Cursor = z.string().max(200).optional().describe("From the last answer, unchanged.")

const limit = (standard: number, most: number) =>
  z.coerce.number().int().min(1).max(most).default(standard).describe("At most so many in one answer.")

/** The request of each route, and what it answers when all is well. Handlers, tests and the API's description share them. */
export const CreateMigration = z.object({
  body: NewMigration.extend({ source: AnyStore, destination: AnyStore }),
  headers: z.object({
    "idempotency-key": z
      .string()
      .regex(/^[\u0021-\u007e]{1,255}$/, "must be 1 to 255 printable characters without spaces")
      .optional()
      .describe(
        "Makes a repeat of this very request, within a day, return the migration that it made first.",
      ),
  }),
})

export const ListMigrations = z.object({
  query: z.strictObject({ status: Status.optional(), limit: limit(20, 100), cursor: Cursor }),
})
export const Migrations = z.object({
  migrations: z.array(Migration).describe("Newest first."),
  cursor: z.string().optional().describe("Where the next page begins; absent on the last one."),
})

/** Get, pause, resume, retry, cancel, progress: the migration that the path names. */
export const OneMigration = z.object({ path: Path })

export const GetReport = z.object({
  path: Path,
  query: z.strictObject({
    outcome: z.enum([...Outcome.options, "remaining"]).optional(),
    format: z.enum(["json", "ndjson", "csv"]).default("json"),
    limit: limit(1_000, 5_000),
    cursor: Cursor,
  }),
})
export const Report = z.object({
  migration_id: z.string(),
  entries: z.array(ReportEntry).describe("One an item, in the plan's order."),
  cursor: z.string().optional().describe("Where the next page begins; absent on the last one."),
})

export const Health = z.object({
  status: z.enum(["ok", "misconfigured"]),
  dispatcher: z.object({
    kind: z.enum(["qstash", "celery", "none"]),
    reason: z.string(),
    notes: z.array(z.string()).optional().describe("Where it differs from QStash."),
  }),
  misconfigured: z.array(z.string()).describe("Names of settings that are missing or wrong."),
})

export { Migration, Progress }
