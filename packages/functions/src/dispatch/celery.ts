import { log } from "../log.ts"
import { count } from "../metrics.ts"
import type { Broker } from "./celery-broker.ts"
import { taskOf } from "./celery-message.ts"
import { brokerRefusal } from "./celery-refusal.ts"
import { withSink } from "./celery-sink.ts"
import type { Dispatcher } from "./dispatcher.ts"
import { attemptMs, patiently } from "./patience.ts"

/** Puts tasks into a Celery queue; a Celery worker with examples/celery's task delivers them to our webhook, signed. */
export const celeryDispatcher = (settings: {
  readonly broker: Broker
  readonly queue: string
}): Dispatcher => ({
  kind: "celery",
  publish: async (message, options) => {
    const { broker, queue } = settings
    const ids = { migration_id: message.migration_id, lane: message.lane }
    const task = taskOf({ message, ...options, at: Date.now() })
    const { deduplicated } = await patiently(
      () => withSink(broker, attemptMs, (sink) => sink.send(queue, task)),
      (error) => brokerRefusal(error, broker.kind),
    ).catch((error: unknown) => {
      count("PublishFailures")
      throw error
    })
    count("MessagesPublished")
    log.info("published to Celery", {
      message_id: task.id,
      ...ids,
      queue,
      ...(deduplicated && { deduplicated }),
    })
    return { messageId: task.id }
  },
})

/** How Celery differs from QStash, for who operates it; docs/celery.md says more of each. */
export const celeryNotes = (kind: Broker["kind"]): readonly string[] => [
  kind === "redis"
    ? "Deduplication: for ten minutes, as with QStash, by a mark in Redis."
    : "Deduplication: none. What is published twice is delivered twice, and the second finds nothing to do.",
  "Delay: an eta. The Celery worker waits for it, so one must be running.",
  "Retries: by the Celery worker, 3 by default, after Retry-After or with pauses that grow up to 15 minutes.",
  "Failures: in the queue's dead letters with the reason, and told to the failure callback.",
  "Deliveries at once: the Celery workers' concurrency. QSTASH_PLAN does not matter.",
  kind === "redis"
    ? "Durability: as Redis's persistence is set. What it loses, the sweeper sends again."
    : "Durability: on RabbitMQ's disk before it is confirmed.",
]
