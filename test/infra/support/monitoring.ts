import * as z from "zod"
import type { Planned } from "./plan.ts"
import { ofType } from "./view.ts"

const Query = z.object({
  id: z.string(),
  expression: z.string().optional(),
  returnData: z.boolean(),
  metric: z
    .object({
      namespace: z.string(),
      metricName: z.string(),
      dimensions: z.record(z.string(), z.string()),
      period: z.number(),
      stat: z.string(),
    })
    .optional(),
})

const AlarmInputs = z.object({
  name: z.string(),
  alarmDescription: z.string(),
  metricQueries: z.array(Query),
  evaluationPeriods: z.number(),
  threshold: z.number(),
  comparisonOperator: z.string(),
  treatMissingData: z.string(),
  alarmActions: z.array(z.string()),
  okActions: z.array(z.string()),
})

/** Alarms by name, without the stage's. */
export const alarmsOf = (plan: Planned) =>
  ofType(plan, "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => {
    const alarm = AlarmInputs.parse(inputs)
    return { ...alarm, name: alarm.name.replace(`imgmigrator-${plan.stage}-`, "") }
  })

export type MetricUse = {
  readonly namespace: string
  readonly name: string
  readonly dimensions: Readonly<Record<string, string>>
}

const Widget = z.object({
  type: z.string(),
  properties: z.looseObject({
    title: z.string().optional(),
    metrics: z.array(z.array(z.unknown())).optional(),
  }),
})

export const widgetsOf = (plan: Planned) =>
  ofType(plan, "aws:cloudwatch/dashboard:Dashboard").flatMap(
    ({ inputs }) =>
      z.object({ widgets: z.array(Widget) }).parse(JSON.parse(String(inputs.dashboardBody))).widgets,
  )

/** Every metric that an alarm or a widget reads. */
export function metricsUsed(plan: Planned): readonly MetricUse[] {
  const ofAlarms = alarmsOf(plan).flatMap(({ metricQueries }) =>
    metricQueries.flatMap(({ metric }) =>
      metric ? [{ namespace: metric.namespace, name: metric.metricName, dimensions: metric.dimensions }] : [],
    ),
  )
  const ofWidgets = widgetsOf(plan).flatMap(({ properties }) => (properties.metrics ?? []).flatMap(drawn))
  return [...ofAlarms, ...ofWidgets]
}

/** CloudWatch's row of a metric: namespace, name, pairs of dimension and value, options; or one expression. */
function drawn(row: readonly unknown[]): MetricUse[] {
  const texts = row.filter((each) => typeof each === "string")
  const [namespace, name, ...pairs] = texts
  if (namespace === undefined || name === undefined) return []
  const dimensions = Object.fromEntries(
    pairs.flatMap((key, n) => (n % 2 === 0 ? [[key, pairs[n + 1] ?? ""]] : [])),
  )
  return [{ namespace, name, dimensions }]
}
