import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { root } from "../../infra/scripts/platform.ts"
import { qstashPlan } from "../../packages/functions/src/dispatch/settings.ts"
import { deafMetrics } from "./support/checks.ts"
import { alarmsOf, widgetsOf } from "./support/monitoring.ts"
import { dev, evaluated, production, stages } from "./support/stages.ts"
import { ofType } from "./support/view.ts"

beforeAll(...evaluated)

/** Alarm: what is counted, over how many minutes times how many periods, and the limit. */
const alarms: Readonly<
  Record<string, readonly [metrics: string, minutes: number, periods: number, limit: string]>
> = {
  "worker-errors": ["Errors Errors", 15, 1, ">= 3"],
  "worker-throttles": ["Throttles Throttles", 5, 3, ">= 10"],
  "delivery-faults": ["DeliveryFaults", 15, 1, ">= 3"],
  "deliveries-refused": ["DeliveriesRefused", 15, 1, ">= 5"],
  "failure-callbacks": ["FailureCallbacks", 5, 1, ">= 1"],
  "publish-failures": ["PublishFailures", 15, 1, ">= 5"],
  "messages-unanswered": ["LanesUnanswered", 5, 2, ">= 1"],
  "migrations-not-progressing": [
    "MigrationsActive ItemsMigrated ItemsSkipped ItemsFailed BytesMigrated",
    5,
    12,
    ">= 1",
  ],
  "sweeper-not-running": ["Sweeps", 5, 2, "< 1"],
  "table-throttles": ["ReadThrottleEvents WriteThrottleEvents", 5, 2, ">= 10"],
  "api-5xx": ["5xx", 5, 1, ">= 5"],
  "quota-nearly-used": ["MessagesToday", 15, 1, ">= 800"],
}

const operators: Readonly<Record<string, string>> = {
  GreaterThanOrEqualToThreshold: ">=",
  LessThanThreshold: "<",
}

test("production has these alarms, and each tells the topic when it begins and when it ends", async () => {
  const plan = await production()
  const topic = ofType(plan, "aws:sns/topic:Topic")[0]?.state.arn
  const planned = alarmsOf(plan).map((alarm) => {
    const metrics = alarm.metricQueries.flatMap(({ metric }) => metric ?? [])
    const stat = alarm.name === "quota-nearly-used" ? "Maximum" : "Sum"
    expect(metrics.map((metric) => metric.stat)).toEqual(metrics.map(() => stat))
    expect(alarm.metricQueries.filter(({ returnData }) => returnData)).toHaveLength(1)
    expect([alarm.alarmActions, alarm.okActions]).toEqual([[topic], [topic]])
    // Silence is fine, unless silence is what is wrong.
    expect(alarm.treatMissingData).toBe(alarm.name === "sweeper-not-running" ? "breaching" : "notBreaching")
    const names = metrics.map(({ metricName }) => metricName).join(" ")
    const limit = `${operators[alarm.comparisonOperator]} ${alarm.threshold}`
    return [alarm.name, [names, (metrics[0]?.period ?? 0) / 60, alarm.evaluationPeriods, limit]]
  })
  expect(Object.fromEntries(planned)).toEqual(alarms)
})

test("several metrics of an alarm are added up; progress is none of any kind while migrations are active", async () => {
  const expressions = alarmsOf(await production()).flatMap(({ name, metricQueries }) =>
    metricQueries.flatMap(({ expression }) => (expression ? [[name, expression]] : [])),
  )
  expect(Object.fromEntries(expressions)).toEqual({
    "worker-errors": "FILL(m0, 0) + FILL(m1, 0)",
    "worker-throttles": "FILL(m0, 0) + FILL(m1, 0)",
    "table-throttles": "FILL(m0, 0) + FILL(m1, 0)",
    "migrations-not-progressing":
      "IF((m0 > 0) AND ((FILL(m1, 0) + FILL(m2, 0) + FILL(m3, 0) + FILL(m4, 0)) == 0), 1, 0)",
  })
})

test("the quota's alarm is at four fifths of the plan's messages, and absent where there is no limit", async () => {
  const quota = alarmsOf(await production()).find(({ name }) => name === "quota-nearly-used")
  expect(quota?.threshold).toBe((qstashPlan().messagesPerDay ?? 0) * 0.8)
  expect(alarmsOf(await dev()).map(({ name }) => name)).not.toContain("quota-nearly-used")
})

test("every alarm leads to its paragraph of the runbook, and no paragraph is left without an alarm", async () => {
  const runbook = await readFile(join(root, "docs/runbook.md"), "utf8")
  const paragraphs = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title]) => title)
  const planned = alarmsOf(await production())
  expect(paragraphs).toEqual(planned.map(({ name }) => name).sort())
  for (const { name, alarmDescription } of planned)
    expect(alarmDescription).toMatch(new RegExp(`What to do: docs/runbook.md#${name}$`))
})

test("an address for alarms is a setting", async () => {
  const subscription = "aws:sns/topicSubscription:TopicSubscription"
  expect(ofType(await production(), subscription)).toEqual([])
  const plan = await dev()
  expect(ofType(plan, subscription)[0]?.inputs).toEqual({
    topic: ofType(plan, "aws:sns/topic:Topic")[0]?.state.arn,
    protocol: "email",
    endpoint: "ops@example.com",
  })
})

test.for(Object.entries(stages))(
  "%s: alarms and widgets read metrics that somebody writes",
  async ([, plan]) => {
    expect(await deafMetrics(await plan())).toEqual([])
  },
)

test("the dashboard asks its three questions and shows every alarm", async () => {
  const plan = await production()
  const widgets = widgetsOf(plan)
  const headings = widgets.flatMap(({ properties }) => properties.markdown ?? [])
  expect(headings).toEqual(["## Is anything stuck?", "## What fails?", "## What does it cost?"])
  const arns = ofType(plan, "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ state }) => state.arn)
  expect(widgets.find(({ type }) => type === "alarm")?.properties.alarms).toEqual(
    expect.arrayContaining(arns),
  )
})
