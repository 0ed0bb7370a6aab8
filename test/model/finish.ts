import { isActive } from "@imgmigrator/core/status"
import { readReport } from "../../packages/functions/src/db/reports.ts"
import { lookAtAll } from "./rules/quiet.ts"
import type { Scene } from "./scene.ts"
import { deliver, sweepOnce } from "./sim/deliver.ts"
import { look } from "./sim/sim.ts"
import { heal } from "./sim/store/place.ts"
import { command } from "./user.ts"

const minute = 60_000
/** Everything that is whole again must have ended by then. */
const patience = 6 * 60 * minute

/** Whatever was wrong is put right; what was lost stays lost. */
export function healAll({ sim }: Scene) {
  for (const place of sim.places.values()) heal(place)
  sim.table.heal()
  sim.queue.ahead.length = 0
  for (const proc of sim.procs) {
    delete proc.dies
    delete proc.stalls
    proc.ahead.length = 0
  }
  sim.tell("all is well again")
}

const isBusy = ({ sim }: Scene) => sim.procs.some(({ alive }) => alive)
const active = ({ ledger }: Scene) => [...ledger.values()].filter(({ row }) => isActive(row.status))

/** Deliver what comes, and sweep every minute, until nothing is active any more. */
export async function settleDown(scene: Scene) {
  const { sim, ledger } = scene
  const end = sim.time.now() + patience
  while (sim.broken.length === 0 && sim.time.now() < end) {
    for (const letter of sim.queue.waiting.filter(({ from }) => from <= sim.time.now())) {
      sim.queue.waiting.splice(sim.queue.waiting.indexOf(letter), 1)
      deliver(sim, letter, { span: 120_000 })
    }
    const hasMail = () => sim.queue.waiting.some(({ from }) => from <= sim.time.now())
    await sim.time.pass(minute, () => hasMail() || !isBusy(scene))
    if (hasMail()) continue
    if (active(scene).length === 0 && !isBusy(scene)) return lookAtAll(sim, ledger)
    sweepOnce(sim)
    await sim.time.pass(minute, hasMail)
  }
  for (const { id, row } of active(scene)) sim.breach(`${id} is still ${row.status} after six hours`)
}

/** Heal everything, let it come to rest, take up what was stopped, and look at how it ended. */
export async function finish(scene: Scene) {
  const { sim, ledger } = scene
  healAll(scene)
  await settleDown(scene)
  // What dead processes had sent may be slow to arrive, and stop a migration once more.
  await sim.time.pass(minute)
  for (const { id, row } of ledger.values())
    if (row.status === "paused" || row.status === "failed") command(scene, "resume", id)
  await settleDown(scene)
  for (const { id, row } of ledger.values())
    if (row.status === "completed_with_failures") command(scene, "retry", id)
  await settleDown(scene)
  for (const { id, row } of ledger.values()) {
    if (!["completed", "completed_with_failures", "cancelled"].includes(row.status))
      sim.breach(`${id} is ${row.status} at the end${row.error ? `: ${row.error.message}` : ""}`)
    sim.tally.accept(`end: ${row.status}`)
    await reported(scene, id)
    if (row.status === "cancelled") continue
    for (const { sk } of sim.table.engine.partition(`MIGRATION#${id}`))
      if (String(sk).startsWith("UPLOAD#")) sim.breach(`${id} has left ${sk} behind`)
  }
  // The bucket's own rules must do it where a cancelled migration's last delivery, which alone sweeps it, dies too; and
  // where an upload began after everybody had stopped waiting for it.
  if ([...ledger.values()].some(({ row }) => row.status === "cancelled")) return
  for (const place of sim.places.values())
    for (const { key, isUnheard } of place.uploads.values())
      if (!isUnheard) sim.breach(`half of ${key} is left at ${place.name}`)
}

/** The report has every item once, and says what the totals say. */
async function reported({ sim, ledger }: Scene, id: string) {
  const row = ledger.get(id)?.row
  if (!row?.totals) return
  const { entries } = await look(sim, () => readReport(row, { limit: 1_000 }))
  const count = (outcome: string) => entries.filter((entry) => entry.outcome === outcome).length
  const keys = new Set(entries.map(({ source }) => source))
  if (keys.size !== entries.length) sim.breach(`${id} reports an item twice`)
  const { discovered, migrated, skipped, failed } = row.totals
  if (
    entries.length !== discovered ||
    count("migrated") !== migrated ||
    count("skipped") !== skipped ||
    count("failed") !== failed
  )
    sim.breach(`${id} reports ${entries.length} items, and its totals are ${JSON.stringify(row.totals)}`)
}
