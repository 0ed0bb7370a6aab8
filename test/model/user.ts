import { Fault } from "@imgmigrator/core/fault"
import { Options } from "@imgmigrator/core/migration"
import type { Command, Status } from "@imgmigrator/core/status"
import {
  createMigration,
  pauseMigration,
  requestTtl,
  resumeMigration,
} from "../../packages/functions/src/db/migrations.ts"
import { retryMigration } from "../../packages/functions/src/db/retry.ts"
import { cancel } from "../../packages/functions/src/jobs/cancel.ts"
import { wakeMigration } from "../../packages/functions/src/jobs/wake.ts"
import type { World } from "../../packages/functions/src/jobs/world.ts"
import { type Scene, user, type Wish } from "./scene.ts"
import { isOurBug } from "./sim/deliver.ts"
import { type Running, start } from "./sim/sim.ts"

/** Create a migration as the door of the API does, in a process of its own. */
export function create(scene: Scene, { source, destination, options, request }: Wish): Running<unknown> {
  const { sim, ids } = scene
  const id = `mig_${ids.length}`
  ids.push(id)
  const body = JSON.stringify({ source, destination, options })
  sim.tell(`create ${id} ${body}${request === undefined ? "" : ` under the key ${request}`}`)
  return door(
    scene,
    "create",
    async (world) => {
      const at = world.clock.now()
      const { row, replayed } = await createMigration(
        {
          userId: user,
          id,
          source: { type: "s3", bucket: `source-${source}`, prefix: "" },
          destination: { type: "s3", bucket: `destination-${destination}`, prefix: "" },
          options: Options.parse(options),
          at,
        },
        request === undefined ? undefined : { key: `key-${request}`, bodySha256: body },
      )
      if (request !== undefined) answered(scene, `${request} ${body}`, row.id, at)
      if (replayed) sim.tally.accept("create: repeated")
      else await wakeMigration(row, world)
    },
    ({ result }) => {
      const isReused = result && "error" in result && result.error instanceof Fault
      if (isReused && result.error.code === "idempotency.reused") sim.tally.accept("create: key used again")
    },
  )
}

/** One key and one body are one migration, as long as the key is remembered. */
function answered({ sim, requests }: Scene, request: string, id: string, at: number) {
  const known = requests.get(request)
  // By whichever clock: those of two doors differ, and all of them jump.
  const isRemembered = known && Math.abs(at - known.at) < requestTtl - 60_000
  if (isRemembered && known.id !== id) sim.breach(`one request made ${known.id} and ${id}`)
  if (!isRemembered) requests.set(request, { id, at })
}

const commands: Readonly<Record<Command, (id: string, world: World) => Promise<unknown>>> = {
  pause: (id, world) => pauseMigration(user, id, world.clock.now()),
  resume: async (id, world) => {
    const { row } = await resumeMigration(user, id, world.clock.now())
    await wakeMigration(row, world)
  },
  cancel: (id, world) => cancel(user, id, world),
  retry: async (id, world) => {
    const { row } = await retryMigration(user, id, world.clock.now())
    await wakeMigration(row, world)
  },
}

/** Where each command is refused, written down apart from core/status.ts. */
const refusedIn: Readonly<Record<Command, readonly Status[]>> = {
  pause: ["failed", "completed", "completed_with_failures", "cancelled"],
  resume: ["completed", "completed_with_failures", "cancelled"],
  cancel: ["completed", "completed_with_failures"],
  retry: ["pending", "running", "paused", "failed", "completed", "cancelled"],
}

/** Give a command, and hold its answer against the statuses that the migration had meanwhile. */
export function command(scene: Scene, name: Command, id: string): Running<unknown> {
  const { sim, ledger } = scene
  sim.tally.offer(`command: ${name}`)
  sim.tell(`${name} ${id}`)
  const statuses = ledger.get(id)?.statuses ?? []
  const from = Math.max(0, statuses.length - 1)
  return door(
    scene,
    name,
    (world) => commands[name](id, world),
    ({ result, proc }) => {
      const met = statuses.slice(from).map(({ status }) => status)
      const isDone = statuses.some(({ by }) => by === proc)
      if (isDone) sim.tally.accept(`command: ${name}`)
      if (!result || met.length === 0) return
      const isRefused = "error" in result && result.error instanceof Fault && result.error.kind === "conflict"
      if (isRefused) sim.tally.accept(`command: ${name} refused`)
      const refusing = met.filter((status) => refusedIn[name].includes(status))
      if (isRefused && refusing.length === 0) sim.breach(`${name} refused for one that is ${met.join(", ")}`)
      if ("value" in result && !isDone && refusing.length === met.length)
        sim.breach(`${name} accepted for one that is ${met.join(", ")}`)
    },
  )
}

function door(
  scene: Scene,
  name: string,
  run: (world: World) => Promise<unknown>,
  onEnd: (running: Running<unknown>) => void = () => {},
): Running<unknown> {
  const { sim } = scene
  return start(sim, { name }, run, (running) => {
    const { result, proc } = running
    sim.tell(`${proc.name} ${result && "error" in result ? result.error : "is answered"}`)
    if (result && "error" in result && isOurBug(result.error))
      sim.breach(`${name} failed by itself: ${result.error}`)
    onEnd(running)
  })
}
