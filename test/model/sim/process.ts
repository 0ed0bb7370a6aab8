import { AsyncLocalStorage } from "node:async_hooks"
import type { Random } from "./random.ts"
import type { Ahead } from "./table/client.ts"
import type { Timeline } from "./timeline.ts"

/** What befalls a process at a call. `slow`: that long on its way there, while the process goes on; in ms. */
export type Foreseen = "dies before" | "dies after" | { readonly stalls?: number; readonly slow?: number }

/**
 * A process of ours: a worker, a door of the API, the sweeper. All that it does outside itself goes through `outside`, so
 * it can be killed, stopped for a while or be cut off from any answer at any such call.
 */
export type Proc = {
  readonly name: string
  readonly number: number
  /** The test itself, looking: nothing befalls it, and it takes no time. */
  readonly isObserver: boolean
  readonly random: Random
  readonly time: Timeline
  /** How far its clock is ahead, in ms. */
  readonly skew: number
  alive: boolean
  /** It did not end by itself. */
  wasKilled: boolean
  /** Calls made so far, and the one before or after which it dies. */
  calls: number
  dies?: { readonly call: number; readonly when: "before" | "after" }
  /** The call after which it stalls, and for how long, in ms. */
  stalls?: { readonly call: number; readonly ms: number }
  /** Looks at each call before it is made, and may say what befalls it there. */
  foresees?: (what: string) => Foreseen | undefined
  /** What the table has in store for it. */
  readonly ahead: Ahead[]
  /** Until when it does not get on (a long collection, a frozen machine), on the timeline. */
  stalledUntil: number
  /** Something befell it that excuses it for being late. */
  isExcused: boolean
  readonly waiting: Set<(error: Error) => void>
  onDeath?: () => void
  /** Tell that something befell it. */
  readonly note: (event: string) => void
}

export const killed = (): Error => new Error("killed")

const storage = new AsyncLocalStorage<Proc>()
export const current = (): Proc | undefined => storage.getStore()
export const inside = <T>(proc: Proc, run: () => T): T => storage.run(proc, run)

/**
 * SIGKILL. Calls on their way may still arrive; no answer is heard, and whatever the code does from here on to clean up
 * has no effect outside.
 */
export function kill(proc: Proc) {
  if (!proc.alive) return
  proc.alive = false
  proc.wasKilled = true
  const waiting = [...proc.waiting]
  proc.waiting.clear()
  for (const abandon of waiting) abandon(killed())
  proc.onDeath?.()
}

/** It does not get on for a while; what it sent is on its way. */
export function stall(proc: Proc, ms: number) {
  proc.note("stall")
  proc.isExcused = true
  proc.stalledUntil = Math.max(proc.stalledUntil, proc.time.now() + ms)
}

/** Go on, as soon as the process does. */
export function awake(proc: Proc, run: () => void) {
  if (proc.stalledUntil <= proc.time.now()) return run()
  proc.time.in(proc.stalledUntil - proc.time.now(), () => awake(proc, run))
}

export type Call<T> = {
  /** Which call it is, in words: `Put OUTCOME#…`, `put a.jpg`, `publish`. */
  readonly what: string
  /** On the way there and back, in ms. */
  readonly there: number
  readonly back: number
  /** What happens at the other side, at one moment. It may throw what that side answers. */
  readonly effect: () => T
  readonly signal?: AbortSignal | undefined
}

/** A call that leaves the process. */
export function outside<T>(proc: Proc, { what, there, back, effect, signal }: Call<T>): Promise<T> {
  if (!proc.alive) return Promise.reject(killed())
  if (signal?.aborted) return Promise.reject(signal.reason)
  const call = ++proc.calls
  const foreseen = proc.foresees?.(what)
  const dies =
    typeof foreseen === "string" ? foreseen : proc.dies?.call === call && (`dies ${proc.dies.when}` as const)
  if (dies === "dies before") {
    proc.note(`crash: before a call`)
    kill(proc)
    return Promise.reject(killed())
  }
  const { stalls, slow = 0 } = typeof foreseen === "object" ? foreseen : {}
  if (stalls !== undefined) stall(proc, stalls)
  if (proc.stalls?.call === call) stall(proc, proc.stalls.ms)
  return new Promise<T>((resolve, reject) => {
    const end = (how: () => void) => {
      proc.waiting.delete(abandon)
      signal?.removeEventListener("abort", onAbort)
      how()
    }
    const abandon = (error: Error) => end(() => reject(error))
    const onAbort = () => {
      // A connection that is closed: what was sent may arrive all the same.
      if (proc.random.chance(0.5)) cancel()
      else if (there + slow > 1_000) proc.isExcused = true
      end(() => reject(signal?.reason))
    }
    proc.waiting.add(abandon)
    signal?.addEventListener("abort", onAbort, { once: true })
    const cancel = proc.time.in(there + slow, () => {
      if (!proc.alive && proc.random.chance(0.5)) return
      const answer = result(effect)
      if (dies === "dies after" && proc.alive) {
        proc.note("crash: after a call")
        kill(proc)
      }
      proc.time.in(back, () =>
        awake(proc, () =>
          end(() => {
            if ("error" in answer) reject(answer.error)
            else resolve(answer.value)
          }),
        ),
      )
    })
  })
}

function result<T>(run: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: run() }
  } catch (error) {
    return { error }
  }
}

/** Sleep as the process does: rejects with the signal's reason, or when the process is killed. */
export function nap(proc: Proc, ms: number, signal?: AbortSignal): Promise<void> {
  if (!proc.alive) return Promise.reject(killed())
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const end = (how: () => void) => {
      proc.waiting.delete(abandon)
      signal?.removeEventListener("abort", onAbort)
      cancel()
      how()
    }
    const abandon = (error: Error) => end(() => reject(error))
    const onAbort = () => end(() => reject(signal?.reason))
    proc.waiting.add(abandon)
    signal?.addEventListener("abort", onAbort, { once: true })
    const cancel = proc.time.in(ms, () => awake(proc, () => end(resolve)))
  })
}
