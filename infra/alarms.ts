import { type Alarm, alarmTable } from "./alarm-table.ts"
import { settings } from "./settings.ts"
import { service } from "./stage.ts"

/** Where alarms go. */
export const topic = new aws.sns.Topic("Alarms", { name: `${service}-alarms` })

if (settings.ALARM_EMAIL)
  new aws.sns.TopicSubscription("AlarmsByEmail", {
    topic: topic.arn,
    protocol: "email",
    endpoint: settings.ALARM_EMAIL,
  })

export const alarms = alarmTable.map(
  (alarm) =>
    new aws.cloudwatch.MetricAlarm(`Alarm-${alarm.name}`, {
      name: `${service}-${alarm.name}`,
      alarmDescription: `${alarm.means} What to do: docs/runbook.md#${alarm.name}`,
      metricQueries: queries(alarm),
      evaluationPeriods: alarm.periods ?? 1,
      threshold: alarm.atLeast ?? alarm.lessThan,
      comparisonOperator:
        alarm.lessThan === undefined ? "GreaterThanOrEqualToThreshold" : "LessThanThreshold",
      // Nothing counted is nothing wrong, unless too little is what is wrong.
      treatMissingData: alarm.lessThan === undefined ? "notBreaching" : "breaching",
      alarmActions: [topic.arn],
      okActions: [topic.arn],
    }),
)

/** What each metric came to in a period, and the one number that is compared. */
function queries({ metrics, minutes, expression, stat = "Sum" }: Alarm) {
  return [
    ...metrics.map((metric, n) => ({
      id: `m${n}`,
      metric: {
        namespace: metric.namespace,
        metricName: metric.name,
        dimensions: metric.dimensions,
        period: minutes * 60,
        stat,
      },
      returnData: metrics.length === 1,
    })),
    ...(metrics.length === 1
      ? []
      : [{ id: "all", expression: expression ?? sum(metrics.length), label: "all", returnData: true }]),
  ]
}

function sum(count: number): string {
  return Array.from({ length: count }, (_, n) => `FILL(m${n}, 0)`).join(" + ")
}
