import { Fault } from "@imgmigrator/core/fault"
import type { World } from "../../../packages/functions/src/jobs/world.ts"
import type { Worker } from "./deliver.ts"
import { lead } from "./environment.ts"
import { awake, inside, kill, nap, type Proc } from "./process.ts"
import { newQueue, type Queue } from "./queue.ts"
import { randomFrom } from "./random.ts"
import { openPlace } from "./store/open.ts"
import type { Place } from "./store/place.ts"
import { newTable, type Table } from "./table/client.ts"
import type { Tally } from "./tally.ts"
import { epoch, newTimeline, type Timeline } from "./timeline.ts"

/** Everything around our code, in one place: time, the table, the queue, stores, and the processes that run. */
export type Sim = {
  readonly seed: number
  readonly time: Timeline
  readonly table: Table
  readonly queue: Queue
  readonly places: Map<string, Place>
  readonly procs: Proc[]
  /** Those at a delivery. */
  readonly workers: Worker[]
  readonly tally: Tally
  /** What was done to it and by it, for people. */
  readonly story: string[]
  /** Promises that were broken. */
  readonly broken: string[]
  /** How far all clocks have jumped, in ms. */
  jump: number
  tell(line: string): void
  breach(line: string): void
}

export function newSim(seed: number, tally: Tally): Sim {
  const time = newTimeline()
  const table = newTable(tally)
  lead(time, table)
  const story: string[] = []
  const broken: string[] = []
  const tell = (line: string) => void story.push(`${(time.now() / 1000).toFixed(3).padStart(10)} ${line}`)
  return {
    seed,
    time,
    table,
    queue: newQueue(time, tally),
    places: new Map(),
    procs: [],
    workers: [],
    tally,
    story,
    broken,
    jump: 0,
    tell,
    breach: (line) => {
      tell(`BROKEN: ${line}`)
      broken.push(line)
    },
  }
}

export type Running<T> = {
  readonly proc: Proc
  readonly world: World
  result?: { readonly value: T } | { readonly error: unknown }
}

export type StartOptions = { readonly name: string; readonly skew?: number; readonly isObserver?: boolean }

/** Start a process; `main` runs in it. What it ends with is in `result`, unless it was killed. */
export function start<T>(
  sim: Sim,
  { name, skew = 0, isObserver = false }: StartOptions,
  main: (world: World, proc: Proc) => Promise<T>,
  onEnd: (running: Running<T>) => void = () => {},
): Running<T> {
  const number = sim.procs.length
  const proc: Proc = {
    name: `${name}/${number}`,
    number,
    isObserver,
    random: randomFrom(sim.seed, number),
    time: sim.time,
    skew,
    alive: true,
    wasKilled: false,
    calls: 0,
    stalledUntil: 0,
    ahead: [],
    isExcused: false,
    waiting: new Set(),
    note: (event) => {
      sim.tally.accept(event)
      sim.tell(`${name}/${number} ${event}`)
    },
  }
  sim.procs.push(proc)
  const running: Running<T> = { proc, world: worldOf(sim, proc) }
  const end = (result: NonNullable<Running<T>["result"]>) => {
    if (!proc.alive) return
    proc.alive = false
    running.result = result
    onEnd(running)
  }
  inside(proc, () => main(running.world, proc)).then(
    (value) => awake(proc, () => end({ value })),
    (error: unknown) => awake(proc, () => end({ error })),
  )
  return running
}

export const clockOf = (sim: Sim, proc: Pick<Proc, "skew">): number =>
  epoch + Math.floor(sim.time.now()) + sim.jump + proc.skew

const worldOf = (sim: Sim, proc: Proc): World => ({
  clock: { now: () => clockOf(sim, proc), sleep: (ms, signal) => nap(proc, ms, signal) },
  random: proc.random.next,
  dispatcher: () => ({
    kind: "qstash",
    publish: (message, { deduplicationId }) => sim.queue.publish(proc, message, deduplicationId),
  }),
  open: async (ref) => {
    const place = ref.type === "s3" ? sim.places.get(ref.bucket) : undefined
    if (!place) throw new Fault("missing", "store.missing", "There is no such place.", { scope: "store" })
    return openPlace(place, proc, sim.tally)
  },
})

/** Look at something through our own code, at once. */
export async function look<T>(sim: Sim, run: (world: World) => Promise<T>): Promise<T> {
  const observer = start(sim, { name: "observer", isObserver: true }, run)
  for (let turns = 0; !observer.result && turns < 1_000; turns++) await sim.time.pass(0)
  sim.procs.splice(sim.procs.indexOf(observer.proc), 1)
  if (!observer.result) throw new Error("The observer does not end.")
  if ("error" in observer.result) throw observer.result.error
  return observer.result.value
}

export const endAll = (sim: Sim) => sim.procs.forEach(kill)
