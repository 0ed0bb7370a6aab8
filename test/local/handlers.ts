import { readFileSync, writeFileSync } from "node:fs"
import type { APIGatewayProxyEventV2, Context } from "aws-lambda"
import { shutdown } from "../../packages/functions/src/jobs/shutdown.ts"

/** Functions for the gateway's and the pool's tests: each does one thing that a Lambda function may do. */

export const echo = async (event: unknown) => event

export const authorizer = async (event: { identitySource: string[] }) => {
  const [identity] = event.identitySource
  if (identity === "Bearer breaks") throw new Error("authorizer broke")
  return { isAuthorized: identity === "Bearer good", context: { user_id: "u1" } }
}

/** Answers with what the body says, as JSON. */
export const reply = async (event: APIGatewayProxyEventV2) => JSON.parse(event.body ?? "null")

export const fails = async () => {
  throw new Error("on purpose")
}

export const dies = async () => process.kill(process.pid, "SIGKILL")

export const pid = async () => process.pid

/** Ends when the file named by the event exists; says when it began by writing its own. */
export const waits = async ({ began, until }: { began: string; until: string }) => {
  writeFileSync(began, String(process.pid))
  while (!exists(until)) await tick()
  return process.pid
}

/** Works until the process is asked to end. */
export const untilStopped = async ({ began }: { began: string }) => {
  writeFileSync(began, String(process.pid))
  while (!shutdown.signal.aborted) await tick()
  return "checkpointed"
}

export const facts = async (_event: unknown, context: Context) => ({
  id: context.awsRequestId,
  name: context.functionName,
  remaining: context.getRemainingTimeInMillis(),
  colour: process.env.COLOUR,
})

const tick = () => new Promise((resolve) => setTimeout(resolve, 5))

function exists(path: string): boolean {
  try {
    readFileSync(path)
    return true
  } catch {
    return false
  }
}
