/** One bug, planted on purpose, and the test that must say so. */
export type Mutation = {
  readonly name: string
  readonly edits: readonly {
    readonly file: string
    /** Stands there exactly once. */
    readonly find: string
    readonly replace: string
  }[]
  /** The beginning of a test's name, and what is to be set for it. */
  readonly test: {
    readonly file: string
    readonly name: string
    readonly env?: Readonly<Record<string, string>>
  }
}

const functions = (path: string) => `packages/functions/src/${path}`
const crash = (name: string) => ({
  file: "test/crash",
  name: `nothing doubled: ${name}`,
  env: { CRASH_POINTS: "kinds" },
})

export const mutations: readonly Mutation[] = [
  {
    name: "no fence",
    edits: [
      {
        file: functions("db/lanes.ts"),
        find: `    set,
    condition: "#fence = :mine",
    values: { mine: mine.fence },`,
        replace: `    set,
    condition: "attribute_exists(#pk)",`,
      },
    ],
    test: { file: "test/traps/books.test.ts", name: "trap 12: what a chunk was booked with stays" },
  },
  {
    name: "no fence on manifests",
    edits: [
      {
        file: functions("db/chunks.ts"),
        find: `condition: "attribute_not_exists(#pk) OR #fence <= :mine",
    values: { mine: fence },`,
        replace: `condition: "attribute_not_exists(#pk) OR attribute_exists(#pk)",`,
      },
    ],
    test: { file: "test/traps/plan.test.ts", name: "trap 3: a planner that was overtaken" },
  },
  {
    name: "split hand-out",
    edits: [
      {
        file: functions("db/lanes.ts"),
        find: `  const refused = await transact([
    {
      update: {
        key: keys.migration(row.user_id, row.id),
        set: { next: to },`,
        replace: `  const oneByOne = async (steps: readonly { readonly update: Parameters<typeof update>[0] }[]) => {
    for (const step of steps) {
      const result = await update(step.update)
      if (isRefused(result)) return result
    }
    return undefined
  }
  const refused = await oneByOne([
    {
      update: {
        key: keys.migration(row.user_id, row.id),
        set: { next: to },`,
      },
    ],
    test: crash("from bucket to bucket, one replaced"),
  },
  {
    name: "a create in two steps",
    edits: [
      {
        file: functions("db/migrations.ts"),
        find: `  const refused = await transact([
    { put: { key: keys.migration(userId, id), item: row, condition: "attribute_not_exists(#pk)" } },`,
        replace: `  await put({ key: keys.migration(userId, id), item: row })
  const refused = await transact([
    { put: { key: keys.migration(userId, id), item: row } },`,
      },
      {
        file: functions("db/migrations.ts"),
        find: `import { get, query, transact, update } from "./table.ts"`,
        replace: `import { get, put, query, transact, update } from "./table.ts"`,
      },
    ],
    test: crash("asked for again and again"),
  },
  {
    name: "counted before the segment is stored",
    edits: [
      {
        file: functions("jobs/book.ts"),
        find: `    booked += await book.store()
    await session.save({`,
        replace: `    await session.save({`,
      },
      {
        file: functions("jobs/book.ts"),
        find: `      at: book.n + 1,
      rate: rate(),
    })`,
        replace: `      at: book.n + 1,
      rate: rate(),
    })
    booked += await book.store()`,
      },
    ],
    test: crash("from bucket to bucket, one replaced"),
  },
  {
    name: "acknowledging before the commit",
    edits: [
      {
        file: functions("jobs/process-migration.ts"),
        find: `    try {
      return await work(row, claim.lane, session, world)
    } finally {
      session.close()
    }`,
        replace: `    void work(row, claim.lane, session, world).finally(session.close)
    return { outcome: "done" }`,
      },
    ],
    test: { file: "test/traps/plan.test.ts", name: "trap 2: a migration of nothing" },
  },
  {
    name: "a retry counted twice",
    edits: [
      {
        file: functions("jobs/plan-retry.ts"),
        find: `outcome === "failed" && (moved.get(index) ?? pass) === pass)`,
        replace: `outcome === "failed" && (moved.get(index) ?? pass) <= pass)`,
      },
    ],
    test: { file: "test/traps/retry.test.ts", name: "trap 31: what fails in the first pass" },
  },
  {
    name: "settling before the plan is complete",
    edits: [
      {
        file: "packages/core/src/books.ts",
        find: `if (!plan.complete || next !== plan.chunks) return false`,
        replace: `if (next !== plan.chunks) return false`,
      },
    ],
    test: { file: "test/traps/plan.test.ts", name: "trap 2: lanes that have caught up" },
  },
  {
    name: "a lost wake-up",
    edits: [
      {
        file: functions("jobs/process-migration.ts"),
        find: `    await release(session)
    await goOn(row, session, world)`,
        replace: `    await goOn(row, session, world)
    await release(session)`,
      },
    ],
    test: { file: "test/traps/lanes.test.ts", name: "trap 15" },
  },
  {
    name: "relative instead of absolute counters",
    edits: [
      {
        file: functions("db/lanes.ts"),
        find: `  mine: Pick<Lane, "lane" | "fence">,
  set: Partial<Lane>,
): Promise<Lane | undefined> {
  const result = await update({
    key: keys.lane(id, mine.lane),
    set,
    condition: "#fence = :mine",
    values: { mine: mine.fence },
  })`,
        replace: `  mine: Pick<Lane, "lane" | "fence"> & Partial<Lane>,
  { done, ...set }: Partial<Lane>,
): Promise<Lane | undefined> {
  const counted = ["m", "s", "f", "bytes"] as const
  const more = Object.fromEntries(counted.map((name) => [name, (done?.[name] ?? 0) - (mine.done?.[name] ?? 0)]))
  const result = await update({
    key: keys.lane(id, mine.lane),
    set,
    ...(done && { assign: counted.map((name) => \`#done.#\${name} = #done.#\${name} + :\${name}\`) }),
    condition: "#fence = :mine",
    values: { mine: mine.fence, ...(done && more) },
  })`,
      },
    ],
    test: { file: "test/traps/books.test.ts", name: "trap 1: a booking whose answer is lost" },
  },
  {
    name: "an upload that begins before it is noted",
    edits: [
      {
        file: functions("jobs/parts.ts"),
        find: `  await session.put(uploadNote(session.id, row))
`,
        replace: "",
      },
    ],
    test: crash("from bucket to bucket, in parts"),
  },
  {
    name: "a small file that is written under its final name",
    edits: [
      {
        file: "packages/stores/src/file/write.ts",
        find: `  const temporary = join(tree.temporary(target, "create"), newId("put"))`,
        replace: `  tree.temporary(target, "create")
  const temporary = \`\${target}.\${newId("put")}\``,
      },
    ],
    test: crash("from folder to folder, one replaced"),
  },
]
