import type * as z from "zod"
import {
  CreateMigration,
  GetReport,
  Health,
  ListMigrations,
  Migration,
  Migrations,
  OneMigration,
  Progress,
  Report,
} from "../api/schemas.ts"

/** What the API's description says of a route beyond the route table. */
export type Operation = {
  readonly summary: string
  readonly request?: z.ZodObject
  readonly answer: {
    readonly status: 200 | 201
    readonly description: string
    readonly name?: string
    readonly schema?: z.ZodType
    readonly headers?: object
  }
  /** Statuses beside 400, 401 and 403. */
  readonly problems?: readonly number[]
  /** A status that is no problem, and yet has the same body. */
  readonly also?: { readonly status: number; readonly description: string }
  /** Other content types of the answer. */
  readonly other?: object
}

const migration = (description: string) =>
  ({ status: 200, description, name: "Migration", schema: Migration }) as const
const header = (description: string) => ({ description, schema: { type: "string" } })
const text = { schema: { type: "string" } }

/** By the route's name. A route without a row here fails the making of the description. */
export const operations: Readonly<Record<string, Operation>> = {
  "create-migration": {
    summary: "Start a migration",
    request: CreateMigration,
    answer: {
      ...migration("It is recorded, and will run; `waiting` says if something holds it up."),
      status: 201,
      headers: {
        Location: header("The migration's address."),
        "Idempotency-Replayed": header("`true` where the Idempotency-Key was known."),
      },
    },
    problems: [413, 415, 422],
  },
  "list-migrations": {
    summary: "The caller's migrations, newest first",
    request: ListMigrations,
    answer: { status: 200, description: "One page.", name: "Migrations", schema: Migrations },
  },
  "get-migration": {
    summary: "One migration",
    request: OneMigration,
    answer: migration("The migration."),
    problems: [404],
  },
  "get-progress": {
    summary: "How far it is",
    request: OneMigration,
    answer: { status: 200, description: "Counts, rate, time left.", name: "Progress", schema: Progress },
    problems: [404],
  },
  "get-report": {
    summary: "What became of each image",
    request: GetReport,
    answer: {
      status: 200,
      description: "One page.",
      name: "Report",
      schema: Report,
      headers: { "X-Next-Cursor": header("As ndjson or csv: where the next page begins.") },
    },
    other: { "application/x-ndjson": text, "text/csv": text },
    problems: [404],
  },
  "pause-migration": {
    summary: "Pause",
    request: OneMigration,
    answer: migration("It is paused."),
    problems: [404, 409],
  },
  "resume-migration": {
    summary: "Go on after a pause or a failure",
    request: OneMigration,
    answer: migration("It runs."),
    problems: [404, 409],
  },
  "retry-migration": {
    summary: "Move the failed images again",
    request: OneMigration,
    answer: migration("It runs again, for what failed."),
    problems: [404, 409],
  },
  "cancel-migration": {
    summary: "Cancel",
    request: OneMigration,
    answer: migration("It is cancelled."),
    problems: [404, 409],
  },
  "get-health": {
    summary: "Which dispatcher is active, and what is misconfigured",
    answer: { status: 200, description: "All is configured.", name: "Health", schema: Health },
    also: { status: 503, description: "Something is missing or wrong." },
  },
  "get-openapi": {
    summary: "This description",
    answer: { status: 200, description: "OpenAPI 3.1." },
  },
}
