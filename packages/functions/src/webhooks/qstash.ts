import { processMigrationAsync } from "../jobs/process-migration.ts"
import { delivery } from "../middleware/delivery.ts"

/** `POST /api/v1/webhooks/qstash`: QStash delivers; the payload names the migration, maybe the lane. */
export const handler = delivery(processMigrationAsync)
