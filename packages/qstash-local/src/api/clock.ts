import type { Account } from "../engine/account.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { badRequest } from "../http/problem.ts"
import { parseQuery } from "../http/query.ts"
import { parseDuration } from "../time/duration.ts"
import { isVirtual } from "../time/virtual-clock.ts"

/** `GET /local/clock`: what time it is here, in ms. */
export const getClock = ({ clock }: Account): Reply => ({
  status: 200,
  body: { now: clock.now(), virtual: isVirtual(clock) },
})

/** `POST /local/clock/advance?by=12s`: answers when all that fell due has happened. Only with a virtual clock. */
export async function advanceClock(account: Account, call: Call): Promise<Reply> {
  const { clock } = account
  const by = parseQuery(call, ["by"]).by?.[0] ?? ""
  if (!isVirtual(clock)) throw badRequest("the clock is the machine's; start with --virtual-clock")
  if (parseDuration(by) === undefined) throw badRequest(`invalid by: ${by} is not a duration such as 12s`)
  await clock.advance(by)
  return getClock(account)
}
