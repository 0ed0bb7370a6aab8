import { balanced, totalsOf } from "@imgmigrator/core/books"
import type { ItemOutcome, ReportEntry } from "@imgmigrator/core/outcome"
import { readChunk } from "../../../packages/functions/src/db/chunks.ts"
import { partition } from "../../../packages/functions/src/db/keys.ts"
import { readLane, readLanes } from "../../../packages/functions/src/db/lanes.ts"
import { unpackOutcomes } from "../../../packages/functions/src/db/manifests.ts"
import type { MigrationRow } from "../../../packages/functions/src/db/rows.ts"
import { query } from "../../../packages/functions/src/db/table.ts"
import type { Line } from "./control.ts"
import type { Run } from "./run.ts"
import type { Setup } from "./setup.ts"

const chunks = async (id: string) => (await readLane(id, 0))?.plan?.chunks ?? 0

/** What is booked as moved or failed: none of it is anybody's business any more. */
export async function bookedKeys(id: string): Promise<ReadonlySet<string>> {
  const keys = new Set<string>()
  for (let n = 0; n < (await chunks(id)); n++) {
    const chunk = await readChunk(id, n)
    for (const [index, { outcome }] of chunk?.outcomes ?? []) {
      const key = chunk?.items[index]?.key
      if (key !== undefined && outcome !== "failed") keys.add(key)
    }
  }
  return keys
}

export type Ended = {
  readonly setup: Setup
  readonly row: MigrationRow
  readonly report: readonly ReportEntry[]
  readonly lines: readonly Line[]
  /** What was booked when a worker died, and the calls since. */
  readonly booked: ReadonlySet<string>
  readonly later: readonly Line[]
  readonly calm?: Run | undefined
}

/** Every promise that a crash could break, held against what is really there. */
export async function brokenPromises(ended: Ended): Promise<Pick<Run, "broken" | "lost" | "doubled">> {
  const { setup, row, report, lines } = ended
  const broken: string[] = []
  const ensure = (holds: boolean, what: string) => {
    if (!holds) broken.push(what)
  }
  ensure(
    row.status === "completed",
    `it is ${row.status}: ${row.error?.message ?? JSON.stringify(row.totals)}`,
  )
  const lanes = await readLanes(row.id)
  const plan = lanes.find(({ lane }) => lane === 0)?.plan
  ensure(plan !== undefined && balanced(lanes, plan, row.next), "the books do not balance")
  ensure(same(totalsOf(lanes), row.totals), "the lanes add up to something else than the totals")

  const { calm } = ended
  if (calm) {
    ensure(
      same(calm.row.totals, row.totals),
      `totals are ${JSON.stringify(row.totals)}, not as without a crash`,
    )
    ensure(same(outcomes(calm.report), outcomes(report)), "the report is not as without a crash")
  }

  const found = await setup.destination.found()
  const lost = [...setup.expected].filter(([key, sum]) => found.get(key) !== sum).map(([key]) => key)
  for (const key of lost) broken.push(`${key} has not arrived as it is`)
  for (const key of found.keys()) ensure(setup.expected.has(key), `${key} should not be there`)
  for (const each of await setup.destination.leftovers()) broken.push(`half-written: ${each}`)

  const again = twice(setup.destination.written(lines))
  const inFlight = (key: string) => ended.later.length > 0 && !ended.booked.has(key)
  const doubled = [
    ...again.filter((key) => !(setup.isWrittenAgain && inFlight(key))),
    ...(await twiceBooked(row.id)),
  ]
  for (const key of new Set(doubled)) broken.push(`${key} was written or booked twice`)
  for (const { call, subject } of ended.later)
    for (const key of ended.booked)
      ensure(!isAbout(subject, key), `${call} of ${key}, which was booked before the crash`)
  return { broken, lost, doubled: [...new Set(doubled)] }
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
const outcomes = (report: readonly ReportEntry[]) =>
  report.map(({ source, outcome }) => [new URL(source, "http://x").pathname, outcome])
/** A key from a list begins with its host, which the path of the source has not. */
const isAbout = (subject: string, key: string) =>
  (subject.startsWith("http") ? decodeURIComponent(new URL(subject).pathname) : subject).endsWith(
    `/${key.replace(/^127[^/]+\//, "")}`,
  )
const twice = (keys: readonly string[]) => keys.filter((key, i) => keys.indexOf(key) !== i)

/** Keys whose outcome segments do not agree. */
async function twiceBooked(id: string): Promise<readonly string[]> {
  const keys: string[] = []
  for (let n = 0; n < (await chunks(id)); n++) {
    const seen = new Map<number, ItemOutcome["outcome"]>()
    for await (const { sk, outcomes } of query({
      condition: "#pk = :pk",
      values: { pk: partition.chunk(id, n) },
    })) {
      if (!String(sk).startsWith("OUTCOME#") || !(outcomes instanceof Uint8Array)) continue
      for (const [index, { outcome }] of unpackOutcomes(outcomes)) {
        const earlier = seen.get(index)
        seen.set(index, outcome)
        if (earlier === undefined || earlier === outcome) continue
        keys.push((await readChunk(id, n))?.items[index]?.key ?? `${n}.${index}`)
      }
    }
  }
  return keys
}
