import { beforeAll, expect, test } from "vitest"
import { jobs, routes } from "../../packages/functions/src/routes.ts"
import { evaluated, production, stages } from "./support/stages.ts"
import { functions, ofType } from "./support/view.ts"

beforeAll(...evaluated)

test.for(Object.entries(stages))("%s is planned without a failure", async ([, plan]) => {
  expect((await plan()).failures).toEqual([])
})

test("every route and job is one function, with the memory and time of the route table", async () => {
  const planned = [...functions(await production()).values()].map(({ inputs, source }) => ({
    handler: source,
    memory: `${inputs.memorySize} MB`,
    timeout: `${inputs.timeout} seconds`,
  }))
  const wanted = [...routes, ...jobs].map(({ handler, memory, timeout }) => ({ handler, memory, timeout }))
  expect(byHandler(planned)).toEqual(byHandler(wanted))
})

const byHandler = <Each extends { handler: string }>(list: readonly Each[]) =>
  [...list].sort((a, b) => a.handler.localeCompare(b.handler))

test.for(Object.entries(stages))(
  "%s: every function is Node 24 on arm64, logs JSON to a group of its own that ends after a month",
  async ([stage, planOf]) => {
    const plan = await planOf()
    for (const [component, { inputs }] of functions(plan)) {
      expect(inputs.runtime).toBe("nodejs24.x")
      expect(inputs.architectures).toEqual(["arm64"])
      const logGroup = `/aws/lambda/imgmigrator-${stage}-${component}`
      expect(inputs.loggingConfig).toEqual({ logFormat: "JSON", logGroup })
      const groups = ofType(plan, "aws:cloudwatch/logGroup:LogGroup").map((group) => group.inputs)
      expect(groups).toContainEqual(expect.objectContaining({ name: logGroup, retentionInDays: 30 }))
    }
  },
)

const links = {
  CreateMigration: ["QSTASH_TOKEN", "Table", "Worker"],
  ListMigrations: ["Table"],
  GetMigration: ["Table"],
  CancelMigration: ["QSTASH_TOKEN", "Table", "Worker"],
  GetProgress: ["Table"],
  GetReport: ["Table"],
  PauseMigration: ["Table"],
  ResumeMigration: ["QSTASH_TOKEN", "Table", "Worker"],
  RetryMigration: ["QSTASH_TOKEN", "Table", "Worker"],
  GetHealth: [
    "QSTASH_CURRENT_SIGNING_KEY",
    "QSTASH_NEXT_SIGNING_KEY",
    "QSTASH_TOKEN",
    "STORE_CREDENTIALS",
    "Table",
    "Worker",
  ],
  GetOpenapi: [],
  ReceiveDelivery: [
    "QSTASH_CURRENT_SIGNING_KEY",
    "QSTASH_NEXT_SIGNING_KEY",
    "QSTASH_TOKEN",
    "STORE_CREDENTIALS",
    "Table",
    "Worker",
  ],
  ReceiveFailure: ["QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"],
  MigrationWorker: [
    "QSTASH_CURRENT_SIGNING_KEY",
    "QSTASH_NEXT_SIGNING_KEY",
    "QSTASH_TOKEN",
    "STORE_CREDENTIALS",
    "Table",
  ],
  Sweeper: ["QSTASH_TOKEN", "Table", "Worker"],
  Authorizer: ["Table"],
}

test.for(Object.entries(stages))(
  "%s: each function is linked to what it uses, and nothing more",
  async ([, plan]) => {
    const planned = [...functions(await plan())].map(([component, { links }]) => [
      component,
      Object.keys(links).sort(),
    ])
    expect(Object.fromEntries(planned)).toEqual(links)
  },
)

test("links carry the secrets, the table's name and the worker's address", async () => {
  const plan = await production()
  const { links } = functions(plan).get("CreateMigration") ?? {}
  expect(links).toEqual({
    QSTASH_TOKEN: { type: "sst.sst.Secret", value: "the-token" },
    Table: { type: "sst.aws.Dynamo", name: ofType(plan, "aws:dynamodb/table:Table")[0]?.state.name },
    Worker: { type: "sst.sst.Linkable", url: "https://migrationworkerurl.lambda-url.us-east-1.on.aws/" },
  })
})

test("the sweeper runs every minute and is not retried: the next minute is the retry", async () => {
  const plan = await production()
  const [schedule] = ofType(plan, "aws:scheduler/schedule:Schedule")
  const { inputs } = functions(plan).get("Sweeper") ?? {}
  expect(schedule?.inputs).toMatchObject({
    scheduleExpression: "rate(1 minute)",
    state: "ENABLED",
    target: {
      arn: expect.stringMatching(new RegExp(`:${inputs?.name}$`)),
      retryPolicy: { maximumRetryAttempts: 0 },
    },
  })
  expect(
    ofType(plan, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")[0]?.inputs,
  ).toMatchObject({
    functionName: inputs?.name,
    maximumRetryAttempts: 0,
  })
})
