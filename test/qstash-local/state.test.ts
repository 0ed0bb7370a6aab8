import { appendFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { startQStash } from "qstash-local"
import { expect, onTestFinished, test } from "vitest"
import { createFifo } from "../../packages/qstash-local/src/state/fifo.ts"
import { openJournal } from "../../packages/qstash-local/src/state/journal.ts"
import { type Change, readJournal } from "../../packages/qstash-local/src/state/journal-file.ts"

async function folder() {
  const path = await mkdtemp(join(tmpdir(), "qstash-local-"))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

const changesIn = async (path: string) => {
  const changes: Change[] = []
  for await (const [table, key, value] of readJournal(path))
    changes.push(value === undefined ? [table, key] : [table, key, value])
  return changes
}

test("what was committed is read back in order; a line that a crash has cut is left out and not continued", async () => {
  const path = await folder()
  const journal = await openJournal(path, [["t", "old", 1]])
  journal.append(["t", "a", { deep: ["ü"] }])
  journal.append(["t", "a"])
  await journal.commit()
  await appendFile(join(path, "journal.ndjson"), '["t","torn",{"x"')
  const before: Change[] = [
    ["t", "old", 1],
    ["t", "a", { deep: ["ü"] }],
    ["t", "a"],
  ]
  expect(await changesIn(path)).toEqual(before)
  await journal.close()
  const again = await openJournal(path, before)
  again.append(["t", "b", 2])
  await again.commit()
  expect(await changesIn(path)).toEqual([...before, ["t", "b", 2]])
  await again.close()
})

test("many commits at once share their writes, and all are on the disk when they resolve", async () => {
  const path = await folder()
  const journal = await openJournal(path, [])
  await Promise.all(
    Array.from({ length: 500 }, (_, n) => {
      journal.append(["t", String(n), n])
      return journal.commit()
    }),
  )
  expect((await changesIn(path)).map(([, key]) => key)).toEqual(
    Array.from({ length: 500 }, (_, n) => String(n)),
  )
  await journal.close()
})

test("rewriting keeps what is, and what comes meanwhile comes after it", async () => {
  const path = await folder()
  const rows = new Map([["a", 1]])
  const present = function* (): Generator<Change> {
    for (const [key, value] of rows) yield ["t", key, value]
  }
  const journal = await openJournal(path, [])
  for (let n = 0; n < 100; n++) journal.append(["t", "a", n])
  const rewritten = journal.rewrite(present())
  rows.set("b", 2)
  journal.append(["t", "b", 2])
  await journal.commit()
  await rewritten
  const read = new Map((await changesIn(path)).map(([, key, value]) => [key, value]))
  expect(read).toEqual(rows)
  expect(await readdir(path)).toEqual(["journal.ndjson"])
  expect(journal.length()).toBeLessThan(4)
  await journal.close()
  await expect(journal.commit()).rejects.toThrow("the journal is closed")
})

test("a journal that is damaged before its end is not taken for whole", async () => {
  const path = await folder()
  await writeFile(join(path, "journal.ndjson"), '["t","a",1]\nnonsense\n["t","b",2]\n')
  await expect(startQStash({ port: 0, stateDir: path })).rejects.toThrow("is damaged before its last line")
  expect(await readFile(join(path, "journal.ndjson"), "utf8")).toContain("nonsense")
  expect(await readdir(path)).toEqual(["journal.ndjson"])
})

test("a disk that takes nothing is an error at the start, and leaves no lock behind", async () => {
  const path = await folder()
  await symlink("/dev/full", join(path, "journal.ndjson.next"))
  await expect(startQStash({ port: 0, stateDir: path })).rejects.toThrow(/ENOSPC|EINVAL/)
  expect(await readdir(path)).not.toContain("lock")
})

test("the lock of a process that has died is taken over", async () => {
  const path = await folder()
  await writeFile(join(path, "lock"), "999999999")
  const qstash = await startQStash({ port: 0, stateDir: path })
  expect(await readFile(join(path, "lock"), "utf8")).toBe(String(process.pid))
  await qstash.close()
})

test("a line serves first in, first out, whoever leaves it", () => {
  const step = fc.oneof(
    fc.nat(50).map((item) => ["push", item + 1] as const),
    fc.constant(["shift", 0] as const),
    fc.nat(50).map((item) => ["remove", item + 1] as const),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3000 }), (steps) => {
      const line = createFifo<number>()
      let model: number[] = []
      for (const [kind, item] of steps) {
        if (kind === "push" && !model.includes(item)) {
          line.push(item)
          model.push(item)
        }
        if (kind === "shift") expect(line.shift()).toBe(model.shift())
        if (kind === "remove") {
          expect(line.remove(item)).toBe(model.includes(item))
          model = model.filter((each) => each !== item)
        }
        expect(line.size).toBe(model.length)
      }
    }),
    { numRuns: 50 },
  )
  const long = createFifo<number>()
  for (let n = 1; n <= 5000; n++) long.push(n)
  for (let n = 1; n <= 4000; n++) long.shift()
  long.remove(4500)
  expect(long.size).toBe(999)
  const rest = Array.from({ length: 999 }, () => long.shift())
  expect([rest[0], rest.includes(4500), long.shift()]).toEqual([4001, false, undefined])
})
