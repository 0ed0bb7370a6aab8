import { type ReportQuery, readReport } from "../db/reports.ts"
import type { MigrationRow } from "../db/rows.ts"
import { type Reply, route } from "../middleware/route.ts"
import { ownMigration } from "./migration.ts"
import { fitting } from "./pages.ts"
import { csv, ndjson } from "./report-formats.ts"
import { GetReport } from "./schemas.ts"

/**
 * `GET /api/v1/migrations/{id}/report`: one entry an item, page by page. As ndjson or csv the next page's cursor is in
 * the header `X-Next-Cursor`, and only the first page of a csv has its line of names: put together, the pages are one file.
 */
export const handler = route(GetReport, async ({ path, query, caller }): Promise<Reply> => {
  const row = await ownMigration(caller.user_id, path.id)
  const { entries, cursor } = await page(row, query)
  if (query.format === "json") return { status: 200, body: { migration_id: row.id, entries, cursor } }
  const headers = {
    "content-disposition": `attachment; filename="${row.id}.${query.format}"`,
    ...(cursor !== undefined && { "x-next-cursor": cursor }),
  }
  return query.format === "ndjson"
    ? { status: 200, headers: { ...headers, "content-type": "application/x-ndjson" }, body: ndjson(entries) }
    : {
        status: 200,
        headers: { ...headers, "content-type": "text/csv; charset=utf-8" },
        body: csv(entries, query.cursor === undefined),
      }
})

/** A page that fits one answer: asked for again, shorter, where its names are very long. */
async function page(row: MigrationRow, query: ReportQuery): ReturnType<typeof readReport> {
  const found = await readReport(row, query)
  const count = fitting(found.entries)
  return count < found.entries.length ? page(row, { ...query, limit: count }) : found
}
