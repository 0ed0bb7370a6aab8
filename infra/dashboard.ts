import { alarms } from "./alarms.ts"
import { receiveDelivery } from "./api.ts"
import { counted, type Metric, ofApi, ofFunction, ofTable, swept } from "./metrics.ts"
import { service } from "./stage.ts"
import { sweeper } from "./sweeper.ts"
import { worker } from "./worker.ts"

const region = aws.getRegionOutput().region

type Line = readonly [metric: Metric, label: string, stat?: string]

/** Asks its three questions from the top down: is anything stuck, what fails, what does it cost. */
export const dashboard = new aws.cloudwatch.Dashboard("Dashboard", {
  dashboardName: service,
  dashboardBody: $jsonStringify({
    widgets: [
      heading(0, "Is anything stuck?"),
      {
        type: "alarm",
        ...box(1, 0),
        properties: { title: "Alarms", alarms: alarms.map((each) => each.arn) },
      },
      graph(1, 1, "Migrations", [
        [swept.active, "active", "Maximum"],
        [swept.lanes, "lanes at work", "Maximum"],
        [swept.unreachable, "lanes that answer no message", "Maximum"],
        [counted("Sweeps"), "sweeps"],
      ]),
      graph(1, 2, "Items", [
        [counted("ItemsMigrated"), "migrated"],
        [counted("ItemsSkipped"), "skipped"],
        [counted("ItemsFailed"), "failed"],
      ]),
      heading(7, "What fails?"),
      {
        type: "metric",
        ...box(8, 0),
        properties: {
          title: "Failed items, by code",
          region,
          view: "timeSeries",
          metrics: [
            [
              {
                expression: `SEARCH('{ImgMigrator,code,service} MetricName="ItemsFailed" service="${service}"', 'Sum', 300)`,
              },
            ],
          ],
        },
      },
      graph(8, 1, "Deliveries", [
        [counted("Deliveries"), "taken"],
        [counted("DeliveriesRetried"), "retries"],
        [counted("DeliveryFaults"), "ended in an error"],
        [counted("DeliveriesRefused"), "refused (401)"],
        [counted("FailureCallbacks"), "given up"],
        [counted("PublishFailures"), "not published"],
      ]),
      graph(8, 2, "Functions, API, table", [
        ...[worker.fn, receiveDelivery, sweeper.fn].map((fn): Line => [ofFunction("Errors", fn), "errors"]),
        [ofFunction("Throttles", worker.fn), "worker throttled"],
        [ofApi("4xx"), "API 4xx"],
        [ofApi("5xx"), "API 5xx"],
        [ofTable("ReadThrottleEvents"), "reads throttled"],
        [ofTable("WriteThrottleEvents"), "writes throttled"],
      ]),
      heading(14, "What does it cost?"),
      graph(
        15,
        0,
        "QStash messages of a day",
        [
          [counted("MessagesPublished"), "published"],
          [counted("DeliveriesRetried"), "retries"],
          [counted("FailureCallbacks"), "callbacks"],
          [counted("MessagesToday"), "counted since midnight UTC, on plans with a limit", "Maximum"],
        ],
        86_400,
      ),
      graph(15, 1, "Lambda: worker", [
        [ofFunction("Duration", worker.fn), "milliseconds"],
        [counted("DeliveryDuration"), "a delivery, p95", "p95"],
        [counted("QueueDelay"), "from a message to its worker, p95", "p95"],
        [ofFunction("ConcurrentExecutions", worker.fn), "side by side", "Maximum"],
      ]),
      graph(15, 2, "DynamoDB, bytes", [
        [ofTable("ConsumedWriteCapacityUnits"), "write units"],
        [ofTable("ConsumedReadCapacityUnits"), "read units"],
        [counted("BytesMigrated"), "bytes migrated"],
      ]),
    ],
  }),
})

/** Three columns of a grid that is 24 wide. */
function box(y: number, column: number) {
  return { x: column * 8, y, width: 8, height: 6 }
}

function heading(y: number, question: string) {
  return { type: "text", x: 0, y, width: 24, height: 1, properties: { markdown: `## ${question}` } }
}

function graph(y: number, column: number, title: string, lines: readonly Line[], period = 300) {
  return {
    type: "metric",
    ...box(y, column),
    properties: {
      title,
      region,
      view: "timeSeries",
      period,
      metrics: lines.map(([{ namespace, name, dimensions }, label, stat = "Sum"]) => [
        namespace,
        name,
        ...Object.entries(dimensions).flat(),
        { label, stat },
      ]),
    },
  }
}
