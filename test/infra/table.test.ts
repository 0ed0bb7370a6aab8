import { beforeAll, expect, test } from "vitest"
import { dev, evaluated, production } from "./support/stages.ts"
import { ofType, one } from "./support/view.ts"

beforeAll(...evaluated)

test("the table has the ledger's keys, its sparse index, backups of 35 days, and forgets what has expired", async () => {
  const { inputs } = one(await production(), "aws:dynamodb/table:Table", "TableTable")
  expect(inputs).toMatchObject({
    hashKey: "pk",
    rangeKey: "sk",
    attributes: [
      { name: "pk", type: "S" },
      { name: "sk", type: "S" },
      { name: "active", type: "S" },
    ],
    globalSecondaryIndexes: [
      { name: "active", hashKey: "active", rangeKey: "sk", projectionType: "KEYS_ONLY" },
    ],
    billingMode: "PAY_PER_REQUEST",
    pointInTimeRecovery: { enabled: true },
    ttl: { attributeName: "expires_at", enabled: true },
    streamEnabled: false,
  })
  expect(inputs.localSecondaryIndexes ?? []).toEqual([])
})

test("in production the table is protected and outlives the stack; elsewhere it goes with it", async () => {
  const [kept, gone] = [await production(), await dev()]
  const table = one(kept, "aws:dynamodb/table:Table", "TableTable")
  expect([table.inputs.deletionProtectionEnabled, table.retainOnDelete]).toEqual([true, true])
  expect([kept.app.removal, kept.app.protect]).toEqual(["retain", true])
  const other = one(gone, "aws:dynamodb/table:Table", "TableTable")
  expect([other.inputs.deletionProtectionEnabled, other.retainOnDelete]).toEqual([false, false])
  expect([gone.app.removal, gone.app.protect]).toEqual(["remove", false])
  expect(ofType(kept, "aws:dynamodb/table:Table")).toHaveLength(1)
})
