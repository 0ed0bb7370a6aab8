import { sweeper as job } from "../packages/functions/src/routes.ts"
import { lambda } from "./function.ts"
import { granted } from "./grants.ts"
import { worker } from "./worker.ts"

const { handler, memory, timeout } = job
const { link, ...rest } = granted(["sweep", "read", "write", "publish"])

/** Its log is read by alarms (metrics.ts), whatever LOG_LEVEL says. */
export const sweeper = lambda("Sweeper", {
  handler,
  memory,
  timeout,
  ...rest,
  environment: { ...rest.environment, POWERTOOLS_LOG_LEVEL: "INFO" },
  link: [...link, worker.address],
  description: "Dispatches again what was not delivered",
})

// The next minute is the retry.
new aws.lambda.FunctionEventInvokeConfig("SweeperInvoke", {
  functionName: sweeper.fn.name,
  maximumRetryAttempts: 0,
  maximumEventAgeInSeconds: 60,
})

new sst.aws.CronV2("Sweep", { schedule: "rate(1 minute)", function: sweeper.fn.arn, retries: 0 })
