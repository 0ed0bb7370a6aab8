import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics"

/** Everything that is counted, for the alarms and the dashboard: a name outside this table does not type-check. */
export const metricUnits = {
  ItemsMigrated: MetricUnit.Count,
  ItemsSkipped: MetricUnit.Count,
  ItemsFailed: MetricUnit.Count,
  BytesMigrated: MetricUnit.Bytes,
  MessagesPublished: MetricUnit.Count,
  MessagesToday: MetricUnit.Count,
  PublishFailures: MetricUnit.Count,
  Deliveries: MetricUnit.Count,
  DeliveriesRetried: MetricUnit.Count,
  DeliveriesRefused: MetricUnit.Count,
  DeliveryFaults: MetricUnit.Count,
  DeliveryDuration: MetricUnit.Milliseconds,
  QueueDelay: MetricUnit.Milliseconds,
  FailureCallbacks: MetricUnit.Count,
  Sweeps: MetricUnit.Count,
} as const
export type MetricName = keyof typeof metricUnits
export const metricNamespace = "ImgMigrator"

let metrics: Metrics | undefined
const powertools = () =>
  (metrics ??= new Metrics({
    namespace: metricNamespace,
    serviceName: process.env.POWERTOOLS_SERVICE_NAME ?? "imgmigrator",
  }))

// CloudWatch reads metrics out of a function's log (EMF); anywhere else the lines would only be noise.
const isCounted = () => Boolean(process.env.AWS_LAMBDA_FUNCTION_NAME)

/** Count something of this invocation; written by `flushMetrics`. */
export function count(name: MetricName, value = 1): void {
  if (isCounted()) powertools().addMetric(name, metricUnits[name], value)
}

/** Failed items, together and by code. */
export function countFailed(code: string, value = 1): void {
  if (!isCounted()) return
  count("ItemsFailed", value)
  const single = powertools().singleMetric()
  single.addDimension("code", code)
  single.addMetric("ItemsFailed", metricUnits.ItemsFailed, value)
}

/** Write what was counted. Called by each door when an invocation ends, however it ends. */
export function flushMetrics(): void {
  if (metrics?.hasStoredMetrics()) metrics.publishStoredMetrics()
}
