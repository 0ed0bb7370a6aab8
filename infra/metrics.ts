import type { MetricName, metricNamespace } from "../packages/functions/src/metrics.ts"
import { api } from "./api.ts"
import { service } from "./stage.ts"
import { sweeper } from "./sweeper.ts"
import { table } from "./table.ts"

export type Metric = {
  readonly namespace: string
  readonly name: string
  readonly dimensions: Record<string, $util.Input<string>>
}

const namespace: typeof metricNamespace = "ImgMigrator"

/** What our code counts (packages/functions/src/metrics.ts); a name that it does not know does not typecheck. */
export const counted = (name: MetricName): Metric => ({ namespace, name, dimensions: { service } })

/** What AWS counts of a function (AWS: Types of metrics for Lambda functions). */
export const ofFunction = (name: string, fn: sst.aws.Function): Metric => ({
  namespace: "AWS/Lambda",
  name,
  dimensions: { FunctionName: fn.name },
})

export const ofTable = (name: string): Metric => ({
  namespace: "AWS/DynamoDB",
  name,
  dimensions: { TableName: table.name },
})

/** Of an HTTP API; REST APIs write them with a capital (AWS: Monitoring metrics for HTTP APIs). */
export const ofApi = (name: "4xx" | "5xx" | "Count" | "Latency"): Metric => ({
  namespace: "AWS/ApiGateway",
  name,
  dimensions: { ApiId: api.nodes.api.id },
})

/** Read by CloudWatch from the one line that the sweeper logs at the end: how things stand, once a minute. */
export const swept = {
  active: fromSweeps("MigrationsActive", "$.active"),
  lanes: fromSweeps("LanesAtWork", "$.lanes"),
  unreachable: fromSweeps("LanesUnanswered", "$.unreachable"),
}

function fromSweeps(name: string, value: string): Metric {
  new aws.cloudwatch.LogMetricFilter(name, {
    logGroupName: sweeper.log.name,
    pattern: '{ $.message = "swept" }',
    metricTransformation: { namespace: service, name, value },
  })
  return { namespace: service, name, dimensions: {} }
}
