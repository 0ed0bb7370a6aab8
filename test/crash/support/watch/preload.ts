/*
 * Loaded by node itself into each worker process before anything of ours (`--import`): sees every call that leaves the
 * process, whoever makes it, and can end the process there and then. Our own code is the one that is deployed.
 */
import { enableCompileCache } from "node:module"
import { after, before, obey } from "./calls.ts"
import { watchFiles } from "./files.ts"
import { watchHttp } from "./http.ts"
import { watchTime } from "./time.ts"

enableCompileCache()
watchTime()
watchHttp()
await watchFiles()
watchAnswers()
// Ready before it is needed.
await import(process.env.CRASH_HANDLER ?? "")

/** A call begins with a word to the pool, and ends with the answer: that is what acknowledges a delivery. */
function watchAnswers() {
  const send = process.send?.bind(process)
  process.send = (message: unknown) => {
    const kind = typeof message === "object" && message !== null && "kind" in message ? message.kind : ""
    if (kind === "began") obey()
    if (kind !== "returned") return send?.(message) ?? false
    const begun = before("acknowledge", "")
    return send?.(message, () => after(begun)) ?? false
  }
}
