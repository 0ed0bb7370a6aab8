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

/** How Celery differs from QStash, for who operates it. */
export const celeryNotes = (kind: Broker["kind"]): readonly string[] => [
  "Retries, time limits and deliveries at once are those of the Celery workers (examples/celery).",
  kind === "redis"
    ? "Redis keeps what it confirmed as its persistence is set; what it loses, the sweeper sends again."
    : "RabbitMQ delivers a message twice that was published twice; the second finds nothing to do.",
]
