import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { mustGetMigration } from "../../packages/functions/src/db/migrations.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, temporaryFolder, testWorld } from "../support/harness.ts"

let dynamo: Dynamo
beforeAll(async () => {
  process.env.IMGMIGRATOR_LOCAL = "1"
  dynamo = await startDynamo()
})
afterAll(() => dynamo.close())

test("as many large files side by side as fill the memory that is allowed do not wait for each other", async () => {
  await using folder = await temporaryFolder()
  const source = join(folder.path, "from")
  await mkdir(source)
  const names = Array.from({ length: 9 }, (_, i) => `raw-${i}.dng`)
  const content = (name: string) => Buffer.alloc(9 * 1024 * 1024, name)
  for (const name of names) await writeFile(join(source, name), content(name))
  const { world, run } = testWorld()
  const row = await begin(world, { source: `file:${source}`, destination: `file:${folder.path}/to` })
  await run()
  expect(await mustGetMigration("u1", row.id)).toMatchObject({
    status: "completed",
    totals: { migrated: 9, failed: 0 },
  })
  for (const name of names)
    expect((await readFile(join(folder.path, "to", name))).equals(content(name))).toBe(true)
})
