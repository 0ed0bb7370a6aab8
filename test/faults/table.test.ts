import { afterEach, expect, test } from "vitest"
import { claimLane, ensureLane, handOut, readLane, saveLane } from "../../packages/functions/src/db/lanes.ts"
import {
  cancelMigration,
  mustGetMigration,
  startMigration,
} from "../../packages/functions/src/db/migrations.ts"
import { sweep } from "../../packages/functions/src/jobs/sweep.ts"
import { always } from "./support/cases.ts"
import { asks, conflicts, isWrite, refusalOf } from "./support/dynamo-faults.ts"
import { type FaultProxy, type Rule, startProxy } from "./support/proxy.ts"
import { allMigrated, images, startScene } from "./support/scene.ts"
import { useTable } from "./support/table.ts"

let table: FaultProxy
useTable(async (server) => {
  table = await startProxy(server)
  return table.url
})
afterEach(() => table.clear())

/** Every nth of the requests that match. */
const each = (n: number, when: NonNullable<Rule["when"]>): NonNullable<Rule["when"]> => {
  let count = 0
  return (asked) => when(asked) && count++ % n === 0
}
const any = () => true

type Trouble = { readonly trouble: string; readonly rule: Rule; readonly answers?: readonly string[] }
const troubles: readonly Trouble[] = [
  {
    trouble: "throttles reads and writes",
    rule: {
      when: each(5, any),
      act: async () => refusalOf("ProvisionedThroughputExceededException"),
      times: 4,
    },
  },
  {
    trouble: "throttles the account",
    rule: { when: each(5, any), act: async () => refusalOf("ThrottlingException"), times: 3 },
  },
  {
    trouble: "answers 500 and 503",
    rule: {
      when: each(3, any),
      act: async () => refusalOf("InternalServerError", Math.random() < 0.5 ? 500 : 503),
      times: 6,
    },
  },
  {
    trouble: "resets every second connection",
    rule: { when: each(2, any), act: async () => "lost", times: 8 },
  },
  {
    trouble: "writes and loses the answer to every second write",
    rule: { when: each(2, isWrite), act: (_, forward) => forward().then(() => "lost" as const), times: 10 },
  },
  {
    trouble: "stops answering one read",
    rule: { when: asks("GetItem"), act: () => new Promise<never>(() => {}) },
  },
  {
    trouble: "refuses every checkpoint of the first delivery",
    rule: {
      when: (asked) => asks("PutItem")(asked) && asked.body.includes("OUTCOME#"),
      act: async () => refusalOf("AccessDeniedException"),
      times: 2,
    },
    answers: ["again", "done"],
  },
  {
    trouble: "refuses a transaction for a conflict, seven times",
    rule: {
      when: asks("TransactWriteItems"),
      act: async () =>
        refusalOf("TransactionCanceledException", 400, {
          CancellationReasons: [{ Code: "TransactionConflict" }, { Code: "None" }],
        }),
      times: 7,
    },
  },
]

test.each(troubles)(
  "a table that $trouble: nothing is lost and nothing counted twice",
  async ({ rule, answers }) => {
    const scene = await startScene()
    await scene.fill()
    const { id } = await scene.begin()
    const before = table.injected
    table.inject(rule)
    const ending = await scene.drive(id)
    expect(table.injected - before).toBe(rule.times ?? 1)
    expect(ending).toMatchObject({
      row: { status: "completed", totals: { migrated: 6, skipped: 0 } },
      outcomes: allMigrated,
    })
    if (answers) expect(ending.answers).toEqual(answers)
    expect(await scene.to.all()).toEqual(images)
  },
)

test("lanes that are refused for each other's transactions get every chunk once", async () => {
  const scene = await startScene()
  const row = await startMigration(await scene.begin(), Date.now())
  const { act, refused } = conflicts()
  table.inject({ when: isWrite, act, times: always })
  const taken: number[] = []
  const lane = async (k: number) => {
    await ensureLane(row.id, k, "u1")
    const claim = await claimLane(row.id, k, `holder ${k}`, Date.now())
    if (!("lane" in claim)) throw new Error("not claimed")
    for (;;) {
      const { next } = await mustGetMigration("u1", row.id)
      if (next >= 24) return
      await handOut(row, claim.lane, next, next + 1)
      const mine = await readLane(row.id, k)
      if (!mine || mine.at === mine.to) continue
      taken.push(mine.at)
      await saveLane(row.id, mine, { at: mine.to })
    }
  }
  await Promise.all([0, 1, 2, 3].map(lane))
  expect(refused()).toBeGreaterThan(0)
  expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, n) => n))
  // Its stores are gone with this test: nobody shall sweep it.
  await cancelMigration("u1", row.id, Date.now())
})

test("one migration whose rows can't be read keeps no other from being swept", async () => {
  const scene = await startScene()
  await scene.fill()
  const [bad, good] = [await scene.begin(), await scene.begin()]
  scene.queue.length = 0
  scene.clock.pass(3_600_000)
  table.inject({
    when: (asked) => asked.body.includes(`MIGRATION#${bad.id}`),
    act: async () => refusalOf("AccessDeniedException"),
    times: always,
  })
  await expect(sweep(scene.world)).rejects.toThrow("Injected")
  const sent = scene.queue.map(({ migration_id }) => migration_id)
  expect([sent.includes(good.id), sent.includes(bad.id)]).toEqual([true, false])
  table.clear()
  expect((await scene.drive(good.id)).row.status).toBe("completed")
  expect((await scene.drive(bad.id)).row.status).toBe("completed")
})
