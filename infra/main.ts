import { topic } from "./alarms.ts"
import { api } from "./api.ts"
import { dashboard } from "./dashboard.ts"
import { worker } from "./worker.ts"

/** What `sst deploy` prints. */
export const outputs = {
  api: api.url,
  deliveries: worker.fn.url,
  alarms: topic.arn,
  dashboard: dashboard.dashboardName,
}
