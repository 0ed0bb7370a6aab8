import * as z from "zod"
import { Status } from "./status.ts"
import { StoreRef } from "./store-ref.ts"

const Glob = z.string().min(1).max(1024)

/** How a migration is to be done. Everything has a default. */
export const Options = z.strictObject({
  overwrite: z
    .enum(["different", "never", "always"])
    .default("different")
    .describe("What to do where the destination already has the key."),
  lanes: z.int().min(1).max(64).default(4).describe("Workers side by side."),
  concurrency: z.int().min(1).max(256).default(16).describe("Items in flight per lane."),
  include: z.array(Glob).max(100).default([]).describe("Only keys that match one of these globs."),
  exclude: z.array(Glob).max(100).default([]).describe("No key that matches one of these globs."),
  dry_run: z
    .boolean()
    .default(false)
    .describe("Plan only: totals, bytes, and what would be copied, in the report."),
})
export type Options = z.infer<typeof Options>

/** What a client may ask for; the rest is ours to decide. */
export const NewMigration = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  source: StoreRef,
  destination: StoreRef,
  options: Options.prefault({}),
})
export type NewMigration = z.infer<typeof NewMigration>

const Count = z.int().nonnegative()

/** `discovered = migrated + skipped + failed + remaining`, always. */
export const Totals = z.object({
  discovered: Count,
  migrated: Count,
  skipped: Count,
  failed: Count,
  remaining: Count,
  bytes_discovered: Count.describe("Bytes by the listing: an estimate where sizes are unknown or change."),
  bytes_migrated: Count,
})
export type Totals = z.infer<typeof Totals>

export const Waiting = z.object({
  reason: z.string(),
  until: z.iso.datetime().optional(),
})
export type Waiting = z.infer<typeof Waiting>

/** Why a migration stopped. */
export const Stop = z.object({ code: z.string(), message: z.string() })
export type Stop = z.infer<typeof Stop>

/** A migration as the API shows it. */
export const Migration = z.object({
  id: z.string(),
  user_id: z.string(),
  name: z.string().optional(),
  status: Status,
  source: z.string().describe("The store's URI, without credentials."),
  destination: z.string().describe("The store's URI, without credentials."),
  options: Options,
  totals: Totals,
  waiting: Waiting.optional(),
  error: Stop.optional(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().optional(),
  completed_at: z.iso.datetime().optional(),
})
export type Migration = z.infer<typeof Migration>

/** What it took so far, counted by the services themselves. */
export const Cost = z.object({
  messages: Count,
  write_units: z.number().nonnegative(),
  read_units: z.number().nonnegative(),
})
export type Cost = z.infer<typeof Cost>

export const Progress = z.object({
  migration_id: z.string(),
  status: Status,
  planned: z.boolean().describe("Is the whole source listed? Before that, total grows and there is no ETA."),
  total: Count,
  migrated: Count,
  skipped: Count,
  failed: Count,
  remaining: Count,
  bytes: Count,
  progress: z.number().min(0).max(100),
  items_per_second: z.number().nonnegative(),
  eta_seconds: Count.optional(),
  waiting: Waiting.optional(),
  cost: Cost,
})
export type Progress = z.infer<typeof Progress>
