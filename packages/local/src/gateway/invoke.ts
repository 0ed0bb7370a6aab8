import type { Context } from "aws-lambda"

/** What came of calling a function: its result, or how it ended without one. */
export type Invocation =
  | { readonly result: unknown }
  | {
      readonly failed: "error" | "timed out" | "crashed"
    }
  | { readonly failed: "busy"; readonly retryAfterSeconds: number }

export type Call = {
  /** `packages/functions/src/api/get-migration.handler` */
  readonly handler: string
  readonly event: unknown
  readonly requestId: string
  readonly timeoutMs: number
  readonly memoryMb: number
}

/** What Lambda passes beside the event. The remaining time runs by the monotonic clock. */
export function contextOf(call: Omit<Call, "event">): Context {
  const deadline = performance.now() + call.timeoutMs
  const name = call.handler.replace(/^.*\/|\.handler$/g, "")
  const unused = () => {}
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName: name,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${name}`,
    memoryLimitInMB: String(call.memoryMb),
    awsRequestId: call.requestId,
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: String(process.pid),
    getRemainingTimeInMillis: () => Math.max(0, deadline - performance.now()),
    done: unused,
    fail: unused,
    succeed: unused,
  }
}
