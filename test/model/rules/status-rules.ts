import type { Status } from "@imgmigrator/core/status"
import { MigrationRow } from "../../../packages/functions/src/db/rows.ts"
import { audit } from "./audit.ts"
import type { Rule } from "./ledger.ts"

/** Who may lead from a status to which, written down apart from core/status.ts. */
const moves: Readonly<Record<Status, readonly Status[]>> = {
  pending: ["running", "paused", "cancelled", "failed"],
  running: ["paused", "cancelled", "failed", "completed", "completed_with_failures"],
  paused: ["running", "cancelled"],
  failed: ["running", "cancelled"],
  completed: [],
  completed_with_failures: ["running"],
  cancelled: [],
}

/** A migration's row moves by the table of statuses, and only ends with its books in balance. */
export const statusRule: Rule = (batch, { pk, sk, before, after }) => {
  if (!pk.startsWith("USER#") || !sk.startsWith("MIGRATION#")) return
  const { sim, breach } = batch
  if (!after) return breach("a migration was deleted")
  const row = MigrationRow.parse(after)
  const isActive = row.status === "pending" || row.status === "running"
  if ((row.active !== undefined) !== isActive) breach(`active is ${row.active} where it is ${row.status}`)
  if (!before) return
  const old = MigrationRow.parse(before)
  if (row.status !== old.status) {
    if (!moves[old.status].includes(row.status)) breach(`${old.status} became ${row.status}`)
    sim.tally.accept(`status: ${old.status} → ${row.status}`)
  }
  if (row.next < old.next) breach("next went back")
  if (row.next !== old.next && old.status !== "running") breach(`next moved while it was ${old.status}`)
  if (row.pass !== old.pass && (row.pass !== old.pass + 1 || old.status !== "completed_with_failures"))
    breach("the pass moved by itself")
  const hasCompleted = row.status === "completed" || row.status === "completed_with_failures"
  if (hasCompleted && row.status !== old.status) audit(batch, row)
}
