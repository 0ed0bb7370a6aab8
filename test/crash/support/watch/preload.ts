/*
 * Loaded by node itself into each process of a function before anything of ours (`--import`): sees every call that leaves the
 * process, whoever makes it, and can end the process there and then. Our own code is the one that is deployed.
 */
import { enableCompileCache, flushCompileCache } from "node:module"
import { after, before, isCalled, obey } from "./calls.ts"
import { watchFiles } from "./files.ts"
import { watchHttp } from "./http.ts"
import { watchTime } from "./time.ts"

enableCompileCache()
watchTime()
watchHttp()
await watchFiles()
watchCalls()
watchAnswers()
// Ready before it is needed.
await import(process.env.CRASH_HANDLER ?? "")

/** Hears each call before the worker process does, in the same turn: a listener of its own would take it away. */
function watchCalls() {
  const on = process.on.bind(process)
  type Call = { readonly handler: string; readonly event?: { readonly body?: string } }
  const hear = ({ call }: { readonly call?: Call }) => {
    if (!call) return
    const [, name = ""] = /#(\w+)$/.exec(call.handler) ?? []
    const [, lane = "0"] = /"lane":(\d+)/.exec(call.event?.body ?? "") ?? []
    isCalled(name !== "worker" ? name : lane === "0" ? "" : `lane ${lane}`)
    obey()
  }
  Reflect.set(process, "on", (name: string, listener: (raw: object, handle: unknown) => void) =>
    on(
      name,
      name !== "message"
        ? listener
        : (raw: object, handle: unknown) => {
            hear(raw)
            listener(raw, handle)
          },
    ),
  )
}

/** A call ends with the answer to the pool: that is what acknowledges a delivery. */
function watchAnswers() {
  const send = process.send?.bind(process)
  process.send = (message: unknown) => {
    const kind = typeof message === "object" && message !== null && "kind" in message ? message.kind : ""
    if (kind !== "returned") return send?.(message) ?? false
    // Whoever is killed writes no cache when it ends.
    flushCompileCache()
    const begun = before("acknowledge", "")
    return send?.(message, () => after(begun)) ?? false
  }
}
