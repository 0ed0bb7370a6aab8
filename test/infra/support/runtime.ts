import { request } from "node:http"
import { join } from "node:path"
import { pathToFileURL } from "node:url"

// Lambda's side of a Node function, in small: loads the bundle that `_HANDLER` names from the task's folder, then asks
// the runtime API for one event after another (AWS: Using the Lambda runtime API for custom runtimes). Each request
// says how much processor time the process has used.
const { AWS_LAMBDA_RUNTIME_API: api = "", LAMBDA_TASK_ROOT: root = "", _HANDLER: names = "" } = process.env
const [file = "", name = ""] = names.split(".")

type Heard = { readonly headers: Record<string, string | string[] | undefined>; readonly body: string }

function call(method: "GET" | "POST", path: string, body = ""): Promise<Heard> {
  const { user, system } = process.cpuUsage()
  const headers = { "content-length": Buffer.byteLength(body), "cpu-microseconds": user + system }
  return new Promise((resolve, reject) => {
    request(`http://${api}/2018-06-01/runtime/${path}`, { method, headers }, (answer) => {
      let text = ""
      answer.setEncoding("utf8")
      answer.on("data", (part: string) => (text += part))
      answer.on("end", () => resolve({ headers: answer.headers, body: text }))
    })
      .on("error", reject)
      .end(body)
  })
}

const failed = (error: unknown) =>
  JSON.stringify({
    errorType: error instanceof Error ? error.name : "Error",
    errorMessage: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })

async function load() {
  try {
    const bundle: unknown = await import(pathToFileURL(join(root, `${file}.mjs`)).href)
    const handler: unknown = typeof bundle === "object" && bundle !== null && Reflect.get(bundle, name)
    if (typeof handler !== "function") throw new Error(`${names} is not a function`)
    return handler
  } catch (error) {
    await call("POST", "init/error", failed(error))
    process.exit(1)
  }
}

const handler = await load()
for (;;) {
  const { headers, body } = await call("GET", "invocation/next")
  const id = String(headers["lambda-runtime-aws-request-id"])
  const deadline = Number(headers["lambda-runtime-deadline-ms"])
  const context = {
    awsRequestId: id,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: "$LATEST",
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  }
  await Promise.resolve(JSON.parse(body))
    .then((event) => handler(event, context))
    .then(
      (answer) => call("POST", `invocation/${id}/response`, JSON.stringify(answer ?? null)),
      (error: unknown) => call("POST", `invocation/${id}/error`, failed(error)),
    )
}
