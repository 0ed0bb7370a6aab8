export type Quota = "free" | "payg" | "fixed-1m" | "fixed-10m"

export type Plan = {
  readonly messagesPerDay: number
  readonly maxMessageBytes: number
  readonly maxResponseMs: number
  readonly maxDelayMs: number
  readonly maxRetries: number
  readonly dlqRetentionMs: number
  readonly logRetentionMs: number
  readonly schedules: number
  readonly queues: number
  readonly queueParallelism: number
  readonly globalParallelism: number
  readonly urlGroups: number
  readonly endpointsPerGroup: number
  /** Management requests a second; publishing is not limited by the second. */
  readonly requestsPerSecond: number
}

const hour = 3_600_000
const day = 24 * hour
const MB = 1024 * 1024
const unlimited = Number.POSITIVE_INFINITY

// Source: the pricing table of upstash.com/pricing/qstash (August 2026) and the Developer API's quota example.
const common = { maxRetries: 999, requestsPerSecond: unlimited }
const plans: Readonly<Record<Quota, Plan>> = {
  free: {
    ...common,
    messagesPerDay: 1_000,
    maxMessageBytes: MB,
    maxResponseMs: 15 * 60_000,
    maxDelayMs: 7 * day,
    dlqRetentionMs: 3 * day,
    logRetentionMs: 3 * day,
    schedules: 10,
    queues: 10,
    queueParallelism: 2,
    globalParallelism: 10,
    urlGroups: 1,
    endpointsPerGroup: 100,
    requestsPerSecond: 100,
  },
  payg: {
    ...common,
    messagesPerDay: unlimited,
    maxMessageBytes: 10 * MB,
    maxResponseMs: 2 * hour,
    maxDelayMs: 365 * day,
    dlqRetentionMs: 7 * day,
    logRetentionMs: 7 * day,
    schedules: unlimited,
    queues: 100,
    queueParallelism: 10,
    globalParallelism: 100,
    urlGroups: 100,
    endpointsPerGroup: unlimited,
  },
  "fixed-1m": {
    ...common,
    messagesPerDay: 1_000_000,
    maxMessageBytes: 50 * MB,
    maxResponseMs: 6 * hour,
    maxDelayMs: unlimited,
    dlqRetentionMs: 30 * day,
    logRetentionMs: 14 * day,
    schedules: unlimited,
    queues: 1_000,
    queueParallelism: 10,
    globalParallelism: 200,
    urlGroups: 1_000,
    endpointsPerGroup: unlimited,
  },
  "fixed-10m": {
    ...common,
    messagesPerDay: 10_000_000,
    maxMessageBytes: 50 * MB,
    maxResponseMs: 12 * hour,
    maxDelayMs: unlimited,
    dlqRetentionMs: 92 * day,
    logRetentionMs: 14 * day,
    schedules: unlimited,
    queues: 1_000,
    queueParallelism: 10,
    globalParallelism: 1_000,
    urlGroups: 2_000,
    endpointsPerGroup: unlimited,
  },
}

export const isQuota = (name: string): name is Quota => Object.hasOwn(plans, name)

/** The limits of a plan, as the price list states them. */
export const plan = (quota: Quota): Plan => plans[quota]
