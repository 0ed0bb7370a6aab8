import type { Account } from "../engine/account.ts"
import { publishFaults } from "../engine/faults.ts"
import type { Reply } from "../http/exchange.ts"
import { type Refusal, refuse } from "../http/problem.ts"
import type { Ready } from "./publish.ts"

/** Publishes, unless a fault or the day's quota has it otherwise. */
export async function unlessStruck(
  account: Account,
  ready: readonly Ready[],
  run: () => Promise<Reply>,
): Promise<Reply> {
  const { counters, plan, clock } = account
  switch (fault(account, ready)) {
    case "publish-500":
      throw refuse(500, "internal server error (fault)")
    case "publish-429-daily":
      throw dailyLimit(account)
    case "publish-429-burst":
      throw burstLimit(account)
    case "publish-412":
      throw refuse(412, "quota exceeded (fault)")
    case "publish-cut":
      return { status: 0, unanswered: "cut" }
    case "publish-hang":
      return { status: 0, unanswered: "hang" }
    case "publish-lose-response":
      return { ...(await run()), unanswered: "cut" }
  }
  const wanted = ready.reduce((sum, { routes }) => sum + routes.length, 0)
  if (counters.today(clock.now()) + wanted > plan.messagesPerDay) throw dailyLimit(account)
  return run()
}

/** The first message of the request that a switch is for decides about all of it. */
function fault({ faults }: Account, ready: readonly Ready[]) {
  for (const { order, routes } of ready)
    for (const route of routes) {
      const taken = faults.take(publishFaults, { ...order, ...route })
      if (taken) return taken.kind
    }
  return undefined
}

const dayMs = 86_400_000

/** Source: Upstash docs, QStash > API > Rate limits: the daily limit is told in `RateLimit-*`. */
function dailyLimit({ clock, plan }: Account): Refusal {
  const limit = Number.isFinite(plan.messagesPerDay) ? plan.messagesPerDay : 1000
  const midnight = (Math.floor(clock.now() / dayMs) + 1) * dayMs
  return refuse(429, "Exceeded daily rate limit.", {
    "RateLimit-Limit": String(limit),
    "RateLimit-Remaining": "0",
    "RateLimit-Reset": String(midnight / 1000),
  })
}

/** Source: the same; limits by the second are told in `Burst-RateLimit-*`. */
export function burstLimit({ clock, plan }: Account): Refusal {
  const limit = Number.isFinite(plan.requestsPerSecond) ? plan.requestsPerSecond : 100
  return refuse(429, "Exceeded burst rate limit.", {
    "Burst-RateLimit-Limit": String(limit),
    "Burst-RateLimit-Remaining": "0",
    "Burst-RateLimit-Reset": String(Math.floor(clock.now() / 1000) + 1),
  })
}
