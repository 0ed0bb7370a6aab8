import type { Command } from "@imgmigrator/core/status"
import fc from "fast-check"
import { lookAtAll } from "./rules/quiet.ts"
import { changeSource, meddle, type Scene, type Wish } from "./scene.ts"
import { deliver, type Fate, restartLocal, sweepOnce } from "./sim/deliver.ts"
import { kill, stall } from "./sim/process.ts"
import { type Letter, type PublishTrouble, publishTroubles } from "./sim/queue.ts"
import { heal, type StoreTrouble, storeTroubles } from "./sim/store/place.ts"
import { type Ahead, type TableTrouble, tableTroubles } from "./sim/table/client.ts"
import { command, create } from "./user.ts"

/** The scene has its own books (scene.ledger); nothing more is to be known to choose a step. */
export type Model = Record<string, never>
type Step = fc.AsyncCommand<Model, Scene>

const step = (words: string, run: (scene: Scene) => void, { after = 0 } = {}): Step => ({
  check: () => true,
  run: async (_, scene) => {
    run(scene)
    await scene.sim.time.pass(after)
    lookIfQuiet(scene)
    hold(scene)
  },
  toString: () => `${words}, ${after} ms`,
})

/** Stop at the first promise that is broken, with the story so far. */
export function hold({ sim }: Scene) {
  if (sim.broken.length === 0) return
  throw new Error(`${sim.broken[0]}\n\n${sim.story.slice(-200).join("\n")}`)
}

/** Between two steps nobody may be at work: then all must be in order. */
function lookIfQuiet({ sim, ledger }: Scene) {
  if (!sim.procs.some(({ alive }) => alive)) lookAtAll(sim, ledger)
}

const at = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(1, list.length)]

const index = fc.nat(7)
/** How long the world goes on behind a step. */
const after = fc.constantFrom(0, 3, 15, 60, 250, 1_000)
const span = fc.constantFrom(250, 1_000, 20_000, 120_000)
const skew = fc.constantFrom(0, 0, 0, 0, -40_000, 45_000)

export const wishes: fc.Arbitrary<Wish> = fc.record({
  source: fc.nat(1),
  destination: fc.nat(1),
  options: fc.record({
    lanes: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.integer({ min: 1, max: 3 }),
    overwrite: fc.constantFrom("different", "different", "never", "always"),
  }),
  request: fc.option(fc.nat(1), { nil: undefined }),
})

const creates = fc.tuple(wishes, fc.integer({ min: 1, max: 2 }), after).map(([wish, times, after]) =>
  step(
    `create ${JSON.stringify(wish)}${times > 1 ? " twice at once" : ""}`,
    (scene) => {
      scene.sim.tally.accept(`create${times > 1 ? ": twice at once" : ""}`)
      for (let n = 0; n < times; n++) create(scene, wish)
    },
    { after },
  ),
)

const troubles: fc.Arbitrary<readonly Ahead[]> = fc.array(
  fc.record({ trouble: fc.constantFrom<TableTrouble>(...tableTroubles), in: fc.nat(12) }),
  { minLength: 1, maxLength: 4 },
)

const fates: fc.Arbitrary<Fate> = fc
  .record({
    span,
    skew,
    fate: fc.oneof(
      { weight: 4, arbitrary: fc.constant({}) },
      { weight: 3, arbitrary: fc.record({ ahead: troubles }) },
      {
        weight: 2,
        arbitrary: fc.record({
          dies: fc.record({
            call: fc.integer({ min: 1, max: 40 }),
            when: fc.constantFrom("before", "after"),
          }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          stalls: fc.record({
            call: fc.integer({ min: 1, max: 40 }),
            ms: fc.constantFrom(400, 5_000, 28_000, 70_000),
          }),
        }),
      },
    ),
  })
  .map(({ fate, ...rest }) => ({ ...rest, ...fate }))

/** Take a message out of the queue, for good. */
function takeOut({ sim }: Scene, i: number): Letter | undefined {
  const letter = at(sim.queue.waiting, i)
  if (!letter) return undefined
  if (letter !== sim.queue.waiting[0]) sim.tally.accept("deliver: out of order")
  sim.queue.waiting.splice(sim.queue.waiting.indexOf(letter), 1)
  return letter
}

const deliveries = (
  event: string,
  take: (scene: Scene, i: number) => readonly (Letter | undefined)[],
): fc.Arbitrary<Step> =>
  fc.tuple(index, fates, after).map(([i, fate, after]) =>
    step(
      `${event} ${i} ${JSON.stringify(fate)}`,
      (scene) => {
        scene.sim.tally.offer(event)
        const letters = take(scene, i).filter((letter) => letter !== undefined)
        if (letters.length > 0) scene.sim.tally.accept(event)
        for (const [n, letter] of letters.entries())
          deliver(scene.sim, letter, n === 0 ? fate : { span: fate.span })
      },
      { after },
    ),
  )

const delivers = deliveries("deliver", (scene, i) => [takeOut(scene, i)])
const deliversAll = deliveries("deliver: all at once", (scene) => scene.sim.queue.waiting.splice(0))
const twice = deliveries("deliver: twice at once", (scene, i) => {
  const letter = takeOut(scene, i)
  return [letter, letter]
})
const late = deliveries("deliver: late again", ({ sim }, i) => [
  at(sim.queue.past, sim.queue.past.length - 1 - (i % Math.max(1, sim.queue.past.length))),
])

const loses = index.map((i) =>
  step(`lose message ${i}`, ({ sim }) => {
    sim.tally.offer("lose")
    const letter = at(sim.queue.waiting, i)
    if (!letter) return
    sim.tally.accept("lose")
    sim.tell(`message ${letter.number} is lost`)
    sim.queue.waiting.splice(sim.queue.waiting.indexOf(letter), 1)
    sim.queue.past.push(letter)
  }),
)

const crashes = index.map((i) =>
  step(`kill worker ${i}`, ({ sim }) => {
    sim.tally.offer("crash: now")
    const worker = at(sim.workers, i)
    if (!worker) return
    sim.tally.accept("crash: now")
    kill(worker.running.proc)
  }),
)

const crashesAny = fc
  .tuple(fc.integer({ min: 1, max: 10 }), fc.constantFrom<"before" | "after">("before", "after"))
  .map(([calls, when]) =>
    step(`whoever runs dies ${when} its call ${calls} from now`, ({ sim }) => {
      for (const proc of sim.procs)
        if (proc.alive && !proc.dies) proc.dies = { call: proc.calls + calls, when }
    }),
  )

const stalls = fc.tuple(index, fc.constantFrom(400, 5_000, 28_000, 70_000), after).map(([i, ms, after]) =>
  step(
    `stall worker ${i} for ${ms} ms`,
    ({ sim }) => {
      const worker = at(sim.workers, i)
      if (worker) stall(worker.running.proc, ms)
    },
    { after },
  ),
)

const shutdowns = index.map((i) =>
  step(`shut worker ${i} down`, ({ sim }) => {
    sim.tally.offer("shutdown")
    const worker = at(sim.workers, i)
    if (!worker) return
    sim.tally.accept("shutdown")
    worker.shutdown.abort()
  }),
)

const wants = fc
  .tuple(fc.constantFrom<Command>("pause", "resume", "resume", "cancel", "retry", "retry"), index, after)
  .map(([name, i, after]) =>
    step(
      `${name} migration ${i}`,
      (scene) => {
        const id = at(scene.ids, i)
        if (id !== undefined) command(scene, name, id)
      },
      { after },
    ),
  )

const sweeps = fc.tuple(fc.boolean(), skew, after).map(([isTwice, skew, after]) =>
  step(
    `sweep${isTwice ? " twice at once" : ""}, clock ${skew}`,
    ({ sim }) => {
      const event = isTwice ? "sweep: twice at once" : "sweep"
      sim.tally.offer(event)
      sim.tally.accept(event)
      sweepOnce(sim, skew)
      if (isTwice) sweepOnce(sim)
    },
    { after },
  ),
)

const restarts = fc
  .constantFrom(0, 1_000, 31_000)
  .map((after) =>
    step("the local service is killed, and starts again", ({ sim }) => restartLocal(sim), { after }),
  )

/** Nothing is delivered and nothing swept meanwhile: for an hour, for a day. */
const waits = fc
  .constantFrom(2_000, 5_000, 31_000, 65_000, 600_000, 3_600_000, 86_400_000)
  .map((after) => step("wait", ({ sim }) => sim.tally.accept(`wait: ${after / 1000} s`), { after }))

const jumps = fc.constantFrom(-3_600_000, -35_000, 35_000, 3_600_000, 86_400_000).map((ms) =>
  step(`all clocks jump by ${ms} ms`, ({ sim }) => {
    sim.tally.accept(`jump: ${ms / 1000} s`)
    sim.tell(`all clocks jump by ${ms} ms`)
    sim.jump += ms
    for (const { running } of sim.workers) running.proc.isExcused = true
  }),
)

const tableTrouble = troubles.map((all) =>
  step(`the table: ${JSON.stringify(all)}`, ({ sim }) => {
    for (const { trouble } of all) sim.tally.offer(`table: ${trouble}`)
    sim.table.ahead.push(...all.map((each) => ({ ...each })))
  }),
)

const publishTrouble = fc.constantFrom<PublishTrouble>(...publishTroubles).map((trouble) =>
  step(`QStash: ${trouble}`, ({ sim }) => {
    sim.tally.offer(`publish: ${trouble}`)
    sim.queue.ahead.push(trouble)
  }),
)

const places = (scene: Scene) => [...scene.sources, ...scene.destinations]

const storeTrouble = fc
  .tuple(index, fc.array(fc.constantFrom<StoreTrouble>(...storeTroubles), { minLength: 1, maxLength: 6 }))
  .map(([i, troubles]) =>
    step(`store ${i}: ${troubles.join(", ")}`, (scene) => {
      for (const each of troubles) scene.sim.tally.offer(`store: ${each}`)
      at(places(scene), i)?.troubles.ahead.push(...troubles)
    }),
  )

const keys = fc.constantFrom(
  "bulky-0.jpg",
  "bulky-1.jpg",
  "bulky-2.jpg",
  "bulky-3.jpg",
  "small-0.jpg",
  "small-1.jpg",
)

const badItems = fc.tuple(index, keys, fc.constantFrom("denied", "unavailable")).map(([i, key, how]) =>
  step(`store ${i}: ${key} ${how}`, (scene) => {
    const troubles = at(places(scene), i)?.troubles
    if (how === "denied") troubles?.denied.add(key)
    else troubles?.unavailable.add(key)
  }),
)

const badStores = fc
  .tuple(index, fc.constantFrom<"down" | "revoked" | "gone">("down", "revoked", "gone"), after)
  .map(([i, whole, after]) =>
    step(
      `store ${i} is ${whole}`,
      (scene) => {
        const place = at(places(scene), i)
        if (place) place.troubles.whole = whole
      },
      { after },
    ),
  )

const heals = index.map((i) =>
  step(`store ${i} is well again`, (scene) => {
    const place = at(places(scene), i)
    if (place) heal(place)
  }),
)

const changes = fc
  .tuple(fc.nat(1), keys, fc.constantFrom("change", "change", "delete"))
  .map(([i, key, how]) =>
    step(`source ${i}: ${how} ${key}`, (scene) => {
      const place = scene.sources[i]
      if (!place) return
      scene.sim.tally.accept(`source: ${how}${how === "change" && !place.objects.has(key) ? " (new)" : ""}`)
      scene.sim.tell(`source ${i}: ${how} ${key}`)
      if (how === "change") changeSource(scene, i, key)
      else meddle(place, key, true)
    }),
  )

const meddling = fc.tuple(fc.nat(1), keys, fc.boolean()).map(([i, key, isGone]) =>
  step(`destination ${i}: somebody ${isGone ? "deletes" : "writes"} ${key}`, (scene) => {
    const place = scene.destinations[i]
    if (!place) return
    scene.sim.tally.accept(`destination: ${isGone ? "deleted" : "written"} by others`)
    scene.sim.tell(`destination ${i}: somebody ${isGone ? "deletes" : "writes"} ${key}`)
    meddle(place, key, isGone)
  }),
)

const often = (times: number, arbitrary: fc.Arbitrary<Step>) => Array.from({ length: times }, () => arbitrary)

/** All that may happen; what keeps a migration going is in there more often. */
export const steps: fc.Arbitrary<Step>[] = [
  ...often(1, creates),
  ...often(8, delivers),
  ...often(2, deliversAll),
  ...often(2, twice),
  ...often(2, late),
  ...often(1, loses),
  ...often(1, crashes),
  ...often(1, crashesAny),
  ...often(1, stalls),
  ...often(1, shutdowns),
  ...often(1, restarts),
  ...often(4, wants),
  ...often(3, sweeps),
  ...often(3, waits),
  ...often(1, jumps),
  ...often(2, tableTrouble),
  ...often(1, publishTrouble),
  ...often(3, storeTrouble),
  ...often(1, badItems),
  ...often(1, badStores),
  ...often(2, heals),
  ...often(1, changes),
  ...often(2, meddling),
]
