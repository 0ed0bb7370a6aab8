import { chunkItems, emptyPlan, lanesWorthWaking, runLength } from "@imgmigrator/core/lane"
import { limits, prices } from "./limits.ts"
import { tap, timeline } from "./timeline.ts"

export type Setting = {
  readonly images: number
  readonly bytes: number
  /** Workers in all. A migration has at most 64 lanes: more are several migrations side by side. */
  readonly lanes: number
  readonly concurrency: number
  /** Prefixes of the destination that S3 has partitioned. */
  readonly prefixes: number
}

export type Outcome = {
  readonly seconds: number
  readonly perSecond: number
  readonly messages: number
  readonly writeUnits: number
  readonly gigabyteSeconds: number
  /** What most waiting was for. */
  readonly wall: string
  /** A million images, in dollars: all of it, and without S3's own price. */
  readonly dollars: number
  readonly dollarsAbove: number
}

const lanesOfOne = 64

/**
 * Migrations by the ledger's own rules (how lanes are woken, how many chunks they take) against the limits of what they run
 * on. Every chunk asks S3 for its writes and DynamoDB for its units, and waits its turn.
 */
export function simulate(setting: Setting): Outcome {
  const time = timeline()
  const taps = {
    "S3 writes a prefix": tap(time, limits.putsPerPrefix * setting.prefixes),
    "DynamoDB, the table": tap(time, limits.tableUnits),
    "Lambda's starts": tap(time, limits.startsPerTenSeconds / 10),
  }
  const count = Math.ceil(setting.lanes / lanesOfOne)
  let messages = 0
  let units = 0
  let working = 0
  let copying = 0
  const migrations = Array.from({ length: count }, () => migration(Math.ceil(setting.images / count)))

  function migration(images: number) {
    const lanes = Math.min(lanesOfOne, Math.ceil(setting.lanes / count))
    const partition = tap(time, limits.partitionUnits)
    const handOuts = tap(time, 1 / limits.handOutSeconds)
    const total = Math.ceil(images / chunkItems)
    let planned = 0
    let next = 0
    let done = 0
    const awake = new Set<number>()

    const spend = (blob: number, own: number) => {
      units += blob + own
      return (
        Math.max(taps["DynamoDB, the table"].take(blob + own), partition.take(own)) + limits.dynamoSeconds
      )
    }
    const wake = () => {
      const plan = {
        ...emptyPlan,
        chunks: planned,
        complete: planned === total,
        bytes: planned * chunkItems * setting.bytes,
      }
      let wanted = lanesWorthWaking(plan, next, lanes) - awake.size
      for (let k = 0; k < lanes && wanted > 0; k++) {
        if (awake.has(k)) continue
        wanted -= 1
        awake.add(k)
        deliver(k)
      }
    }
    const deliver = (k: number) => {
      messages += 1
      const start = limits.messageSeconds + limits.coldStartSeconds + taps["Lambda's starts"].take(1)
      time.after(start, () => take(k, time.now()))
    }
    const take = (k: number, since: number) => {
      const unhanded = planned - next
      if (unhanded <= 0) {
        working += time.now() - since
        awake.delete(k)
        return
      }
      if (time.now() - since > limits.deliverySeconds) {
        working += time.now() - since
        deliver(k)
        return
      }
      const run = runLength(unhanded, lanes)
      next += run
      const wait = Math.max(spend(0, limits.handOutUnits), handOuts.take(1))
      time.after(wait, () => copy(k, since, run))
    }
    const copy = (k: number, since: number, left: number) => {
      if (left === 0) return take(k, since)
      const items = Math.min(chunkItems, images - done)
      const alone = items * secondsOf(setting)
      copying += alone
      const seconds =
        Math.max(alone, taps["S3 writes a prefix"].take(items)) + spend(limits.blobUnits, limits.chunkUnits)
      time.after(seconds, () => {
        done += items
        copy(k, since, left - 1)
      })
    }
    /** Lane 0 plans first and copies after; five chunks a step. */
    const plan = (since: number) => {
      const step = Math.min(5, total - planned)
      time.after((step * chunkItems) / limits.keysPerSecond, () => {
        planned += step
        wake()
        if (planned < total) plan(since)
        else take(0, since)
      })
    }
    messages += 1
    awake.add(0)
    time.after(limits.messageSeconds + limits.coldStartSeconds, () => plan(time.now()))
    return { partition, handOuts }
  }

  time.play()
  const seconds = time.now()
  const waits: (readonly [name: string, seconds: number])[] = [
    ["the workers themselves", copying],
    ...Object.entries(taps).map(([name, { waited }]) => [name, waited()] as const),
    [
      "DynamoDB, the migration's partition",
      migrations.reduce((sum, { partition }) => sum + partition.waited(), 0),
    ],
    ["hand-outs of one migration", migrations.reduce((sum, { handOuts }) => sum + handOuts.waited(), 0)],
  ]
  const [wall = ""] = waits.toSorted((a, b) => b[1] - a[1])[0] ?? []
  const perMillion = 1e6 / setting.images
  const above =
    working * 1 * prices.gigabyteSecond +
    messages * (prices.message + prices.invocation) +
    units * prices.writeUnit
  const store = setting.images * (prices.put + prices.get)
  return {
    seconds,
    perSecond: setting.images / seconds,
    messages,
    writeUnits: units,
    gigabyteSeconds: working,
    wall,
    dollars: (above + store) * perMillion,
    dollarsAbove: above * perMillion,
  }
}

/** Of one image in a worker that has `concurrency` in flight: latency shared by all, the wire and the processor by turns. */
function secondsOf({ bytes, concurrency }: Setting): number {
  const wire = (2 * bytes) / limits.bytesPerEnvironment
  const latency = limits.getSeconds + limits.putSeconds + wire
  return Math.max(latency / concurrency, wire, limits.cpuSeconds / limits.processors)
}
