import type { Account } from "../engine/account.ts"
import { overLimit, type Refusal } from "../http/problem.ts"

/** Makes a queue with parallelism 1 unless it is there; refuses when the plan has no more. */
export function ensureQueue({ state, plan, clock }: Account, name: string): Refusal | undefined {
  if (state.queues.has(name)) return undefined
  if (state.queues.size >= plan.queues) return overLimit(`quota maxQueues exceeded: ${plan.queues}`)
  const now = clock.now()
  state.queues.put(name, { name, parallelism: 1, paused: false, createdAt: now, updatedAt: now })
  return undefined
}
