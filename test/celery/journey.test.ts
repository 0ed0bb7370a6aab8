import { describe } from "vitest"
import { installed } from "./support/debian.ts"

/*
 * The journeys of the main job, unchanged, with Celery in QStash's place. Here with Redis; with TEST_DISPATCHER=rabbitmq
 * `npx vitest run test/journey/stores.test.ts test/journey/lists.test.ts` runs them with RabbitMQ.
 */
if (installed("redis-server", "python3-celery", "python3-redis")) {
  process.env.TEST_DISPATCHER = "redis"
  await import("../journey/stores.test.ts")
} else describe.skip("the journeys with Celery", () => {})
