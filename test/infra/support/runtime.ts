import { join } from "node:path"
import { pathToFileURL } from "node:url"

// Lambda's side of a Node function, in small: loads the bundle that `_HANDLER` names from the task's folder, then asks the runtime
// API for one event after another (AWS: Using the Lambda runtime API for custom runtimes).
const { AWS_LAMBDA_RUNTIME_API: api, LAMBDA_TASK_ROOT: root = "", _HANDLER: names = "" } = process.env
const base = `http://${api}/2018-06-01/runtime`
const [file = "", name = ""] = names.split(".")

const failed = (error: unknown) =>
  JSON.stringify({
    errorType: error instanceof Error ? error.name : "Error",
    errorMessage: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })

const post = (path: string, body: string) => fetch(`${base}/${path}`, { method: "POST", body })

async function load() {
  try {
    const bundle: unknown = await import(pathToFileURL(join(root, `${file}.mjs`)).href)
    const handler: unknown = typeof bundle === "object" && bundle !== null && Reflect.get(bundle, name)
    if (typeof handler !== "function") throw new Error(`${names} is not a function`)
    return handler
  } catch (error) {
    await post("init/error", failed(error))
    process.exit(1)
  }
}

const handler = await load()
for (;;) {
  const next = await fetch(`${base}/invocation/next`)
  const id = next.headers.get("lambda-runtime-aws-request-id") ?? ""
  const deadline = Number(next.headers.get("lambda-runtime-deadline-ms"))
  const context = {
    awsRequestId: id,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: "$LATEST",
    invokedFunctionArn: next.headers.get("lambda-runtime-invoked-function-arn"),
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  }
  await Promise.resolve(next.json())
    .then((event) => handler(event, context))
    .then(
      (answer) => post(`invocation/${id}/response`, JSON.stringify(answer ?? null)),
      (error: unknown) => post(`invocation/${id}/error`, failed(error)),
    )
}
