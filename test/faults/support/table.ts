import { afterAll, beforeAll } from "vitest"
import { type Dynamo, startDynamo } from "../../support/dynamodb.ts"

/** A table for all tests of a file. What the jobs log of the faults would fill screens. */
export function useTable(before?: (server: string) => Promise<string>) {
  let dynamo: Dynamo | undefined
  beforeAll(async () => {
    process.env.POWERTOOLS_LOG_LEVEL = "SILENT"
    process.env.IMGMIGRATOR_LOCAL = "1"
    dynamo = await startDynamo(before ? { before } : {})
  })
  afterAll(() => dynamo?.close())
}
