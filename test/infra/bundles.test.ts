import { beforeAll, expect, test } from "vitest"
import { evaluated, production } from "./support/stages.ts"

beforeAll(...evaluated)

const workers = ["MigrationWorker", "ReceiveDelivery"]

test("what is uploaded is small: a function of the API under 900 kB, a worker under 1.4 MB", async () => {
  const { builds } = await production()
  const tooLarge = builds.filter(
    ({ functionID, bytes }) => bytes > (workers.includes(functionID) ? 1_400_000 : 900_000),
  )
  expect(tooLarge.map(({ functionID, bytes }) => `${functionID}: ${bytes}`)).toEqual([])
  expect(builds.every(({ bytes }) => bytes > 10_000)).toBe(true)
})

test("a function loads no client that it does not use", async () => {
  const { builds } = await production()
  const having = (name: string) =>
    builds.filter(({ packages }) => packages.includes(name)).map(({ functionID }) => functionID)
  const using = (...links: readonly string[]) =>
    builds.filter((each) => links.every((link) => link in each.links)).map(({ functionID }) => functionID)
  expect(having("@aws-sdk/client-dynamodb").sort()).toEqual(
    using("Table")
      .filter((each) => each !== "GetHealth")
      .sort(),
  )
  expect(having("@upstash/qstash").sort()).toEqual(
    using("Table", "QSTASH_TOKEN")
      .filter((each) => each !== "GetHealth")
      .sort(),
  )
  // What reads and writes images.
  expect(having("undici").sort()).toEqual([...workers].sort())
  const clients = new Set(builds.flatMap(({ packages }) => packages.filter((each) => /\/client-/.test(each))))
  expect([...clients]).toEqual(["@aws-sdk/client-dynamodb"])
})
