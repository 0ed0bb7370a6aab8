import { Fault, worthRetrying } from "@imgmigrator/core/fault"
import { expireLeases } from "../../../packages/functions/src/db/lanes.ts"
import { type Answer, processMigrationAsync } from "../../../packages/functions/src/jobs/process-migration.ts"
import { sweep } from "../../../packages/functions/src/jobs/sweep.ts"
import { kill, type Proc } from "./process.ts"
import type { Letter } from "./queue.ts"
import { type Running, type Sim, start } from "./sim.ts"
import type { Ahead } from "./table/client.ts"

/** A worker at a delivery. */
export type Worker = {
  readonly running: Running<Answer>
  readonly letter: Letter
  readonly shutdown: AbortController
}

/** Which migration a worker was called for. */
export const migrationOf = new WeakMap<Proc, string>()

/** Tries of a message before it goes to the dead letters. */
const tries = 3
/** Lambda's patience behind a delivery's own deadline, in ms. */
const patience = 15_000

const expected = ["killed", "TimeoutError", "ProvisionedThroughputExceededException"]
const conflicts = ["TransactionConflictException", "TransactionCanceledException"]

/** Neither said on purpose nor the simulation's own doing. */
export const isOurBug = (error: unknown): boolean =>
  !(error instanceof Fault) &&
  !(
    error instanceof Error &&
    [...expected, ...conflicts].some((each) => [error.name, error.message].includes(each))
  )

const words = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** Under what circumstances a worker works: its time, its clock, and what is going to befall it. */
export type Fate = Pick<Proc, "dies" | "stalls"> & {
  readonly span: number
  readonly skew?: number
  /** What the table has in store for it. */
  readonly ahead?: readonly Ahead[]
}

/** Call a worker with a message, and do with its answer what QStash does. */
export function deliver(sim: Sim, letter: Letter, { span, skew = 0, ahead = [], ...fate }: Fate): Worker {
  const shutdown = new AbortController()
  const again = (ms: number) => {
    if (letter.retried < tries) sim.queue.again(letter, ms)
    else sim.tally.accept("queue: dead letter")
  }
  const ended = (result: Running<Answer>["result"]) => {
    const at = sim.workers.indexOf(worker)
    if (at !== -1) sim.workers.splice(at, 1)
    if (!result) {
      sim.tell(`${proc.name} died`)
      return again(12_000)
    }
    if ("error" in result) {
      sim.tell(`${proc.name} failed: ${result.error}`)
      sim.tally.accept("delivery: failed")
      if (isOurBug(result.error)) sim.breach(`a delivery failed by itself: ${words(result.error)}`)
      if (worthRetrying(result.error)) again(12_000)
      return
    }
    const { outcome, retryAfterSeconds = 15 } = result.value
    sim.tell(`${proc.name} ${outcome}`)
    sim.tally.accept(`delivery: ${outcome}`)
    // A first delivery that finds its lane taken is a duplicate.
    if (outcome === "again" || (outcome === "busy" && letter.retried > 0)) again(retryAfterSeconds * 1000)
  }
  const running = start<Answer>(
    sim,
    { name: `worker-${letter.message.lane ?? "bare"}`, skew },
    (world, proc) => {
      migrationOf.set(proc, letter.message.migration_id)
      const delivered = {
        deadline: world.clock.now() + span,
        retried: letter.retried,
        messageId: `msg_${letter.number}`,
        shutdown: shutdown.signal,
      }
      return processMigrationAsync(letter.message, delivered, world)
    },
    ({ result }) => ended(result),
  )
  const { proc } = running
  Object.assign(proc, fate)
  proc.ahead.push(...ahead.map((each) => ({ ...each })))
  proc.onDeath = () => ended(undefined)
  const worker = { running, letter, shutdown }
  sim.workers.push(worker)
  sim.queue.past.push(letter)
  sim.tell(`${proc.name} starts on message ${letter.number}, ${span} ms`)
  sim.time.in(span + patience, () => {
    if (!proc.alive) return
    if (!proc.isExcused) sim.breach(`${proc.name} overran its time`)
    kill(proc)
  })
  return worker
}

export function sweepOnce(sim: Sim, skew = 0): Running<unknown> {
  const running = start(sim, { name: "sweeper", skew }, sweep, ({ result, proc }) => {
    sim.tell(`${proc.name} ${result && "value" in result ? JSON.stringify(result.value) : "failed"}`)
    if (result && "error" in result && isOurBug(result.error))
      sim.breach(`a sweep failed by itself: ${words(result.error)}`)
  })
  sim.time.in(60_000, () => kill(running.proc))
  return running
}

/** All workers die, the queue forgets its messages, and whoever owns the state from now on ends all leases and sweeps. */
export function restartLocal(sim: Sim) {
  sim.tally.accept("restart")
  sim.tell("the local service is killed, and starts again")
  for (const proc of sim.procs) kill(proc)
  sim.queue.past.push(...sim.queue.waiting.splice(0))
  start(
    sim,
    { name: "restart" },
    async (world) => {
      await expireLeases()
      await sweep(world)
    },
    ({ result }) => {
      if (result && "error" in result && isOurBug(result.error))
        sim.breach(`a restart failed by itself: ${words(result.error)}`)
    },
  )
}
