import { beforeAll, expect, test } from "vitest"
import type { Planned } from "./support/plan.ts"
import { dev, evaluated, production } from "./support/stages.ts"
import { functions } from "./support/view.ts"

beforeAll(...evaluated)

test("a secret that is optional is empty where it was not set", async () => {
  const value = async (plan: Promise<Planned>, name: string) =>
    functions(await plan).get("MigrationWorker")?.links[name]?.value
  expect(await value(production(), "QSTASH_NEXT_SIGNING_KEY")).toBe("")
  expect(await value(production(), "STORE_CREDENTIALS")).toBe("")
  // As `sst secret load` stores a line that was not filled in.
  expect(await value(dev(), "QSTASH_NEXT_SIGNING_KEY")).toBe("")
  expect(await value(dev(), "STORE_CREDENTIALS")).toBe("")
})

/** What SST gives every function, and our service's name for its metrics. */
const always = (stage: string) => ({
  SST_RESOURCE_App: `{"name":"imgmigrator","stage":"${stage}"}`,
  SST_KEY: expect.stringMatching(/^[\w+/]{43}=$/),
  SST_KEY_FILE: "resource.enc",
  POWERTOOLS_SERVICE_NAME: `imgmigrator-${stage}`,
})

test("without settings no function has an environment of its own, but the sweeper, whose log is read", async () => {
  for (const [component, { inputs }] of functions(await production())) {
    const own = component === "Sweeper" ? { POWERTOOLS_LOG_LEVEL: "INFO" } : {}
    expect(inputs.environment.variables).toEqual({ ...always("production"), ...own })
  }
})

test("settings reach the functions that read them", async () => {
  const publishing = {
    BASE_URL: "https://img.example.com",
    QSTASH_URL: "https://qstash-us-east-1.upstash.io",
    QSTASH_PLAN: "payg",
    WORKER_CONCURRENCY: "20",
  }
  const retention = { MIGRATION_RETENTION_DAYS: "30" }
  const wanted: Record<string, Record<string, string>> = {
    CreateMigration: { ...publishing, ...retention },
    ResumeMigration: { ...publishing, ...retention },
    RetryMigration: { ...publishing, ...retention },
    CancelMigration: { ...publishing, ...retention },
    PauseMigration: retention,
    GetHealth: publishing,
    ReceiveDelivery: { ...publishing, ...retention },
    ReceiveFailure: { BASE_URL: "https://img.example.com" },
    MigrationWorker: { ...publishing, ...retention },
    Sweeper: { ...publishing, ...retention, POWERTOOLS_LOG_LEVEL: "INFO" },
  }
  for (const [component, { inputs }] of functions(await dev()))
    expect([component, inputs.environment.variables]).toEqual([
      component,
      { ...always("dev"), POWERTOOLS_LOG_LEVEL: "WARN", ...wanted[component] },
    ])
})

test("the worker's memory and reserved concurrency are settings; no concurrency is reserved unless asked for", async () => {
  const [plain, set] = [functions(await production()), functions(await dev())]
  expect(plain.get("MigrationWorker")?.inputs.reservedConcurrentExecutions).toBeUndefined()
  expect(set.get("MigrationWorker")?.inputs).toMatchObject({
    memorySize: 2048,
    reservedConcurrentExecutions: 20,
  })
  for (const [component, { inputs }] of set)
    if (component !== "MigrationWorker") expect(inputs.reservedConcurrentExecutions).toBeUndefined()
})

test("active tracing is a setting", async () => {
  for (const { inputs } of functions(await production()).values())
    expect(inputs.tracingConfig.mode).toBe("PassThrough")
  for (const { inputs } of functions(await dev()).values()) expect(inputs.tracingConfig.mode).toBe("Active")
})
