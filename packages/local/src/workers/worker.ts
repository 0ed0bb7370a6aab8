import { shutdown } from "@imgmigrator/functions/jobs/shutdown"
import { contextOf } from "../gateway/invoke.ts"
import { loadHandler } from "../gateway/load.ts"
import { type FromWorker, ToWorker } from "./messages.ts"

/*
 * One worker process: runs one call at a time, as a Lambda environment does. It ends with its parent, however that
 * ends; signals meant for the whole group (Ctrl-C) are the parent's to answer.
 */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {})
process.on("disconnect", () => process.exit())

/** Was a function loaded and called? */
let begun = false
process.on("message", async (raw) => {
  const message = ToWorker.parse(raw)
  if (message.kind === "call") process.send?.(await run(message.call))
  else if (begun) shutdown.abort()
  else process.exit() // nothing is done yet that could be saved
})

async function run(call: Extract<ToWorker, { kind: "call" }>["call"]): Promise<FromWorker> {
  try {
    const handler = await loadHandler(call.handler)
    begun = true
    const result = (await handler(call.event, contextOf(call))) ?? null
    return { kind: "returned", requestId: call.requestId, result }
  } catch (error) {
    const { log } = await import("@imgmigrator/functions/log") // only now: starting a worker must be quick
    log.error("function failed", { handler: call.handler, error })
    return { kind: "threw", requestId: call.requestId }
  }
}
