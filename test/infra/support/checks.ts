import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { root } from "../../../infra/scripts/platform.ts"
import { metricNamespace, metricUnits } from "../../../packages/functions/src/metrics.ts"
import { routes } from "../../../packages/functions/src/routes.ts"
import { metricsUsed } from "./monitoring.ts"
import type { Planned } from "./plan.ts"
import { functions, ofType, routesOf, statements } from "./view.ts"

/** The route table against the plan: what is missing, too much, open or led elsewhere. */
export function routeMistakes(plan: Planned): readonly string[] {
  const planned = new Map(routesOf(plan).map((route) => [route.routeKey, route]))
  const [authorizer] = ofType(plan, "aws:apigatewayv2/authorizer:Authorizer")
  const wanted = routes.flatMap(({ method, path, access, handler }) => {
    const key = `${method} ${path}`
    const found = planned.get(key)
    planned.delete(key)
    if (!found) return [`${key} is not planned`]
    const source = found.component && functions(plan).get(found.component)?.source
    return [
      ...(source === handler ? [] : [`${key} leads to ${source}, not to ${handler}`]),
      ...(access !== "key" || found.authorizerId === `${authorizer?.name}-id`
        ? []
        : [`${key} asks nobody for a key`]),
      ...(access === "key" || found.authorizationType === "NONE"
        ? []
        : [`${key} asks for ${found.authorizationType}`]),
    ]
  })
  return [...wanted, ...[...planned.keys()].map((key) => `${key} is not in the route table`)]
}

/** One table or index of it, the streams of one log group, one bucket or the objects in it. */
const narrow = [
  /^arn:aws:dynamodb:[\w-]+:\d{12}:table\/[\w.-]+(\/index\/[\w.-]+)?$/,
  /^arn:aws:logs:[\w-]+:\d{12}:log-group:[\w/-]+:\*$/,
  /^arn:aws:s3:::[\w.-]+(\/\*)?$/,
]

/** X-Ray's actions know no resources (AWS: Actions defined by AWS X-Ray). */
const withoutResources = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]

/** Rights that are wider than they need be, in any function's role. */
export function wideRights(plan: Planned): readonly string[] {
  return [...functions(plan).keys()].flatMap((component) =>
    statements(plan, component).flatMap(({ Action, Resource, Condition }) => {
      const ofTable = Action.some((action) => action.startsWith("dynamodb:"))
      const isNarrow =
        Action.every((action) => !action.includes("*")) &&
        Resource.every((each) => narrow.some((pattern) => pattern.test(each))) &&
        (!ofTable || (Condition?.["ForAllValues:StringLike"]?.["dynamodb:LeadingKeys"] ?? []).length > 0)
      return isNarrow || Action.every((action) => withoutResources.includes(action))
        ? []
        : [`${component} may ${Action.join()} on ${Resource.join()}`]
    }),
  )
}

const sources = join(root, "packages/functions/src")

/** Names that a `count("…")` in the code really writes. */
export async function emittedNames(): Promise<ReadonlySet<string>> {
  const files = (await readdir(sources, { recursive: true })).filter((file) => file.endsWith(".ts"))
  const texts = await Promise.all(files.map((file) => readFile(join(sources, file), "utf8")))
  const calls = texts.flatMap((text) => [...text.matchAll(/\bcount\("(\w+)"/g)].map(([, name = ""]) => name))
  return new Set(calls.filter((name) => name in metricUnits))
}

/** AWS's own metrics that we read, with the dimensions that they have (AWS: CloudWatch metrics of each service). */
const ofAws: Readonly<Record<string, readonly string[]>> = {
  "AWS/Lambda FunctionName": ["Errors", "Throttles", "Duration", "Invocations", "ConcurrentExecutions"],
  "AWS/DynamoDB TableName": [
    "ReadThrottleEvents",
    "WriteThrottleEvents",
    "ConsumedReadCapacityUnits",
    "ConsumedWriteCapacityUnits",
  ],
  "AWS/ApiGateway ApiId": ["4xx", "5xx", "Count", "Latency"],
}

/** Metrics of alarms and widgets that nobody writes, or of somebody who is not there. */
export async function deafMetrics(plan: Planned): Promise<readonly string[]> {
  const emitted = await emittedNames()
  const known: Readonly<Record<string, readonly (string | undefined)[]>> = {
    FunctionName: [...functions(plan).values()].map(({ inputs }) => inputs.name),
    TableName: ofType(plan, "aws:dynamodb/table:Table").map(({ state }) => String(state.name)),
    ApiId: ofType(plan, "aws:apigatewayv2/api:Api").map(({ name }) => `${name}-id`),
    service: [...functions(plan).values()].map(
      ({ inputs }) => inputs.environment.variables.POWERTOOLS_SERVICE_NAME,
    ),
  }
  const filters = ofType(plan, "aws:cloudwatch/logMetricFilter:LogMetricFilter").map(
    ({ inputs }) => inputs.metricTransformation,
  )
  return metricsUsed(plan).flatMap(({ namespace, name, dimensions }) => {
    const names = Object.keys(dimensions)
    const isThere = names.every((each) => known[each]?.includes(dimensions[each]))
    const isWritten =
      namespace === metricNamespace
        ? emitted.has(name) && names.join() === "service"
        : ofAws[`${namespace} ${names.join()}`]?.includes(name) ||
          filters.some((each) => JSON.stringify(each).includes(`"name":"${name}","namespace":"${namespace}"`))
    return isThere && isWritten ? [] : [`nobody writes ${namespace} ${name} of ${JSON.stringify(dimensions)}`]
  })
}
