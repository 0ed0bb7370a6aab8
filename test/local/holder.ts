import { startDynamo } from "../../packages/local/src/dynamo/start.ts"
import { lockState } from "../../packages/local/src/state/lock.ts"
import { createPool } from "../../packages/local/src/workers/pool.ts"

/*
 * A process that holds what the tests want to see let go of when it is killed: `lock FOLDER`, `dynamo FOLDER`,
 * `pool FILE` (the file is the one that the running call writes its process id to). It says `ready` and an answer.
 */
const [what, path = ""] = process.argv.slice(2)
const holds: Record<string, () => Promise<string> | string> = {
  lock: () => (lockState(path) ? "locked" : "refused"),
  dynamo: async () => (await startDynamo(path, {})).endpoint,
  pool: () => {
    const pool = createPool({ size: 2, env: process.env, log: console.error })
    const handler = `${new URL("./handlers.ts", import.meta.url)}#waits`
    const event = { began: path, until: `${path}.never` }
    const call = { handler, event, requestId: "1", timeoutMs: 600_000, memoryMb: 128 }
    void pool.run(call, new AbortController().signal)
    return "running"
  },
}
const answer = await holds[what ?? ""]?.()
console.log(`ready ${answer}`)
setInterval(() => {}, 1_000)
