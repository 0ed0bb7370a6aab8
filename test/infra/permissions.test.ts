import { beforeAll, expect, test } from "vitest"
import { wideRights } from "./support/checks.ts"
import { allows } from "./support/iam.ts"
import type { Planned } from "./support/plan.ts"
import { evaluated, production, stages } from "./support/stages.ts"
import { functions, ofType, statements } from "./support/view.ts"

beforeAll(...evaluated)

const account = "us-east-1:123456789012"

/** The rights of the plan, by name; `log` is each function's own. */
function rights(plan: Planned, buckets: readonly string[]) {
  const table = `arn:aws:dynamodb:${account}:table/${ofType(plan, "aws:dynamodb/table:Table")[0]?.state.name}`
  const like = (...keys: string[]) => ({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": keys } })
  const allow = (Action: string[], Resource: string[], Condition?: object) => ({
    Effect: "Allow",
    Action,
    Resource,
    ...(Condition && { Condition }),
  })
  const rows = like("USER#*", "MIGRATION#*")
  return {
    readKeys: [allow(["dynamodb:GetItem"], [table], like("KEY#*"))],
    read: [allow(["dynamodb:GetItem", "dynamodb:Query"], [table], rows)],
    write: [
      allow(["dynamodb:PutItem", "dynamodb:UpdateItem"], [table], like("USER#*", "MIGRATION#*", "USAGE#*")),
    ],
    sweep: [allow(["dynamodb:Query"], [`${table}/index/active`], like("ACTIVE", "ENDED"))],
    move: [
      allow(["dynamodb:DeleteItem"], [table], like("MIGRATION#*")),
      allow(
        ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
        buckets.map((bucket) => `arn:aws:s3:::${bucket}`),
      ),
      allow(
        ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
        buckets.map((bucket) => `arn:aws:s3:::${bucket}/*`),
      ),
    ],
    log: (component: string) => [
      allow(
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        [`arn:aws:logs:${account}:log-group:/aws/lambda/imgmigrator-${plan.stage}-${component}:*`],
      ),
    ],
    trace: [allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])],
  }
}

type Right = "readKeys" | "read" | "write" | "sweep" | "move"
const does: Readonly<Record<string, readonly Right[]>> = {
  CreateMigration: ["read", "write"],
  ListMigrations: ["read"],
  GetMigration: ["read"],
  CancelMigration: ["read", "write"],
  GetProgress: ["read"],
  GetReport: ["read"],
  PauseMigration: ["read", "write"],
  ResumeMigration: ["read", "write"],
  RetryMigration: ["read", "write"],
  GetHealth: [],
  GetOpenapi: [],
  ReceiveDelivery: ["read", "write", "move"],
  ReceiveFailure: [],
  MigrationWorker: ["read", "write", "move"],
  Sweeper: ["sweep", "read", "write"],
  Authorizer: ["readKeys"],
}

test.for([
  { stage: "production", buckets: ["photos"] },
  { stage: "dev", buckets: ["photos", "archive-2024"] },
] as const)("$stage: every function's role says exactly what it may do", async ({ stage, buckets }) => {
  const plan = await stages[stage]()
  const { log, trace, ...named } = rights(plan, buckets)
  expect(Object.keys(does).sort()).toEqual([...functions(plan).keys()].sort())
  for (const [component, names] of Object.entries(does))
    expect([component, statements(plan, component)]).toEqual([
      component,
      [...names.flatMap((name) => named[name]), ...log(component), ...(plan.stage === "dev" ? trace : [])],
    ])
})

test.for(Object.entries(stages))("%s: no right is wider than it need be", async ([, plan]) => {
  expect(wideRights(await plan())).toEqual([])
})

test.for(Object.entries(stages))(
  "%s: roles trust Lambda, or the scheduler, and nobody else; no managed policy widens them",
  async ([, plan]) => {
    for (const { name, inputs } of ofType(await plan(), "aws:iam/role:Role")) {
      const service = name === "SweepRole" ? "scheduler.amazonaws.com" : "lambda.amazonaws.com"
      const document =
        typeof inputs.assumeRolePolicy === "string"
          ? JSON.parse(inputs.assumeRolePolicy)
          : inputs.assumeRolePolicy
      expect([name, document.Statement]).toEqual([
        name,
        [
          expect.objectContaining({
            Effect: "Allow",
            Action: "sts:AssumeRole",
            Principal: { Service: service },
          }),
        ],
      ])
      expect(inputs.managedPolicyArns ?? []).toEqual([])
    }
  },
)

test("the scheduler may invoke the sweeper, and that is all", async () => {
  const plan = await production()
  const role = ofType(plan, "aws:iam/role:Role").find(({ name }) => name === "SweepRole")
  const sweeper = functions(plan).get("Sweeper")?.inputs.name
  expect(JSON.stringify(role?.inputs.inlinePolicies)).toContain(`function:${sweeper}`)
  expect(JSON.stringify(role?.inputs.inlinePolicies).match(/\w+:\w+(?=\\")/g)).toContain(
    "lambda:InvokeFunction",
  )
})

test("no role is wider: API keys are the authorizer's alone, and it has nothing else", async () => {
  const plan = await production()
  const { arn } = ofType(plan, "aws:dynamodb/table:Table")[0]?.state ?? {}
  const may = (component: string, action: string, partition: string) =>
    allows(statements(plan, component), { action: `dynamodb:${action}`, resource: String(arn), partition })
  for (const component of functions(plan).keys()) {
    expect([component, may(component, "GetItem", "KEY#1")]).toEqual([component, component === "Authorizer"])
    expect([component, may(component, "PutItem", "KEY#1")]).toEqual([component, false])
    expect([component, may(component, "DeleteItem", "USER#ana")]).toEqual([component, false])
    expect([component, may(component, "Scan", "")]).toEqual([component, false])
  }
  expect(may("Authorizer", "GetItem", "USER#ana")).toBe(false)
  expect(may("GetMigration", "UpdateItem", "USER#ana")).toBe(false)
})
