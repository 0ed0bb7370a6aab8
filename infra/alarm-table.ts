import { receiveDelivery } from "./api.ts"
import { counted, type Metric, ofApi, ofFunction, ofTable, swept } from "./metrics.ts"
import { settings } from "./settings.ts"
import { worker } from "./worker.ts"

export type Alarm = {
  /** Also the paragraph of docs/runbook.md. */
  readonly name: string
  readonly means: string
  readonly metrics: readonly Metric[]
  /** Of a period; `Sum`, if not said. */
  readonly stat?: "Sum" | "Maximum"
  /** Of m0, m1 and so on; their sum, if not said. */
  readonly expression?: string
  readonly minutes: number
  /** So many in a row; 1 if not said. */
  readonly periods?: number
  readonly atLeast?: number
  readonly lessThan?: number
}

const workers = [worker.fn, receiveDelivery]

/** Messages a day of each plan (Upstash: QStash pricing); one has no limit. */
const quotas = { free: 1_000, payg: undefined, "1m": 1_000_000, "10m": 10_000_000 }
const quota = quotas[settings.QSTASH_PLAN ?? "free"]

const quotaAlarm = (messages: number): Alarm => ({
  // Counted by us since midnight UTC, every attempt to deliver included.
  name: "quota-nearly-used",
  means: `Four fifths of the plan's ${messages} messages of a day are used.`,
  metrics: [counted("MessagesToday")],
  stat: "Maximum",
  minutes: 15,
  atLeast: messages * 0.8,
})

export const alarmTable: readonly Alarm[] = [
  {
    name: "worker-errors",
    means: "Workers crash, or run out of memory or time.",
    metrics: workers.map((fn) => ofFunction("Errors", fn)),
    minutes: 15,
    atLeast: 3,
  },
  {
    name: "worker-throttles",
    means: "Lambda refuses deliveries: there are more than the concurrency that is left.",
    metrics: workers.map((fn) => ofFunction("Throttles", fn)),
    minutes: 5,
    periods: 3,
    atLeast: 10,
  },
  {
    name: "delivery-faults",
    means: "Deliveries end in an error that nobody foresaw: a bug, or an outage of AWS.",
    metrics: [counted("DeliveryFaults")],
    minutes: 15,
    atLeast: 3,
  },
  {
    name: "deliveries-refused",
    means: "The webhook answers 401: signing keys or BASE_URL do not match.",
    metrics: [counted("DeliveriesRefused")],
    minutes: 15,
    atLeast: 5,
  },
  {
    name: "failure-callbacks",
    means: "QStash gave messages up after all their retries.",
    metrics: [counted("FailureCallbacks")],
    minutes: 5,
    atLeast: 1,
  },
  {
    name: "publish-failures",
    means: "QStash does not take messages: token, quota, or an outage.",
    metrics: [counted("PublishFailures")],
    minutes: 15,
    atLeast: 5,
  },
  {
    name: "messages-unanswered",
    means: "Ten messages in a row woke no worker: BASE_URL cannot be reached.",
    metrics: [swept.unreachable],
    minutes: 5,
    periods: 2,
    atLeast: 1,
  },
  {
    name: "migrations-not-progressing",
    means: "Migrations are active, and not one item ended in an hour.",
    metrics: [
      swept.active,
      counted("ItemsMigrated"),
      counted("ItemsSkipped"),
      counted("ItemsFailed"),
      counted("BytesMigrated"),
    ],
    expression: "IF((m0 > 0) AND ((FILL(m1, 0) + FILL(m2, 0) + FILL(m3, 0) + FILL(m4, 0)) == 0), 1, 0)",
    minutes: 5,
    periods: 12,
    atLeast: 1,
  },
  {
    name: "sweeper-not-running",
    means: "Lost messages are not sent again.",
    metrics: [counted("Sweeps")],
    minutes: 5,
    periods: 2,
    lessThan: 1,
  },
  {
    name: "table-throttles",
    means: "DynamoDB refuses reads or writes.",
    metrics: [ofTable("ReadThrottleEvents"), ofTable("WriteThrottleEvents")],
    minutes: 5,
    periods: 2,
    atLeast: 10,
  },
  {
    name: "api-5xx",
    means: "The API answers with errors of its own.",
    metrics: [ofApi("5xx")],
    minutes: 5,
    atLeast: 5,
  },
  ...(quota === undefined ? [] : [quotaAlarm(quota)]),
]
