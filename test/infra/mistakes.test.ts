import { beforeAll, expect, test } from "vitest"
import { deafMetrics, routeMistakes, wideRights } from "./support/checks.ts"
import type { Planned } from "./support/plan.ts"
import { patience, planted, withSecrets } from "./support/stages.ts"

// One evaluation of a program with five mistakes: the checks that pass elsewhere must each find theirs.
let mistaken: Planned
beforeAll(async () => {
  mistaken = await planted([
    {
      file: "packages/functions/src/routes.ts",
      find: 'at("api/get-progress")',
      replace: 'at("api/get-progres")',
    },
    {
      file: "infra/api.ts",
      find: 'route.access === "key" &&',
      replace: 'route.access === "key" && route.name !== "get-report" &&',
    },
    {
      file: "infra/table.ts",
      find: '"dynamodb:UpdateItem"],\n      resources: [table.arn]',
      replace: '"dynamodb:UpdateItem"],\n      resources: [$util.concat(table.arn, "*")]',
    },
    { file: "infra/alarm-table.ts", find: 'counted("PublishFailures")', replace: 'counted("PublishErrors")' },
    {
      file: "infra/api.ts",
      find: "[...functions].map(",
      replace: '[...functions].filter(([route]) => route.name !== "list-migrations").map(',
    },
  ])
}, patience)

test("a misspelt handler stops the plan", async () => {
  const { failures } = mistaken
  expect(failures.join()).toContain("Handler not found: packages/functions/src/api/get-progres.handler")
})

test("a dropped authorizer and a forgotten route are found", async () => {
  expect(routeMistakes(mistaken)).toEqual(
    expect.arrayContaining([
      "GET /api/v1/migrations/{id}/report asks nobody for a key",
      "GET /api/v1/migrations is not planned",
    ]),
  )
})

test("a widened right is found in every role that has it", async () => {
  const found = wideRights(mistaken)
  expect(found.length).toBeGreaterThan(1)
  for (const each of found)
    expect(each).toMatch(/^\w+ may dynamodb:PutItem,dynamodb:UpdateItem on arn:aws:dynamodb:.*\*$/)
})

test("an alarm on a metric that nobody writes is found", async () => {
  expect(await deafMetrics(mistaken)).toEqual([
    expect.stringContaining("nobody writes ImgMigrator PublishErrors"),
  ])
})

test("without a secret, or with one that .env left blank, a stage is not planned, and says how to set it", {
  timeout: patience,
}, async () => {
  const { failures } = await withSecrets({ QSTASH_CURRENT_SIGNING_KEY: " " })
  expect([...failures].sort()).toEqual(
    ["QSTASH_CURRENT_SIGNING_KEY", "QSTASH_TOKEN"].map(
      (name) => `Set a value for ${name} with \`sst secret set ${name} <value>\``,
    ),
  )
})
