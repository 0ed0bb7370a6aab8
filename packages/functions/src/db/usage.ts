import { keys } from "./keys.ts"
import { isRefused } from "./refusal.ts"
import { update } from "./table.ts"

/** A day's count is kept for a week, for whoever wants to look. */
const keptDays = 7

/** Add to the messages of the day of `at` (UTC), of all migrations together; gives what they are then. */
export async function addMessages(at: number, n: number): Promise<number> {
  const day = new Date(at).toISOString().slice(0, 10)
  const row = await update({
    key: keys.usage(day),
    set: { expires_at: Date.parse(day) / 1000 + (1 + keptDays) * 86_400 },
    assign: ["#messages = if_not_exists(#messages, :none) + :n"],
    // What is given back twice must not make room that is not there.
    condition: "attribute_not_exists(#messages) OR #messages >= :least",
    values: { none: 0, n, least: -n },
  })
  return isRefused(row) ? 0 : Number(row.messages)
}
