import { worker as job } from "../packages/functions/src/routes.ts"
import { lambda } from "./function.ts"
import { granted } from "./grants.ts"
import { settings } from "./settings.ts"

// Reached at its own URL, since API Gateway hangs up after 30 seconds. Public, as QStash has no AWS signature: the
// handler checks QStash's. It cannot be told its own URL (a cycle), and takes it from the event.
const { memory, timeout, handler } = job
const { fn } = lambda("MigrationWorker", {
  handler,
  timeout,
  memory: settings.WORKER_MEMORY_MB ? `${settings.WORKER_MEMORY_MB} MB` : memory,
  ...granted(["read", "write", "publish", "verify", "move"]),
  url: { authorization: "none", cors: false },
  ...(settings.WORKER_CONCURRENCY && { concurrency: { reserved: settings.WORKER_CONCURRENCY } }),
  description: "QStash delivers here",
})

export const worker = {
  fn,
  /** Where deliveries go, for those who publish. Not a link to the function, which would let them invoke it. */
  address: new sst.Linkable("Worker", { properties: { url: fn.url } }),
}
