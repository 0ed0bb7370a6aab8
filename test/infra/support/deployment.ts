import { cp, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startQStash } from "qstash-local"
import { startGateway } from "../../../packages/local/src/gateway/gateway.ts"
import type { Invocation } from "../../../packages/local/src/gateway/invoke.ts"
import { startDynamo } from "../../support/dynamodb.ts"
import { quickNode } from "../../support/node.ts"
import { encrypted } from "./bundle.ts"
import { startGuard } from "./iam.ts"
import { type RunningLambda, startLambda } from "./lambda.ts"
import type { Planned } from "./plan.ts"
import { functions, ofType, one, routesOf, statements } from "./view.ts"

export type Deployment = Awaited<ReturnType<typeof deploy>>

/**
 * A plan, running: each function's uploaded bundle in a process of its own with the environment of the plan, behind a
 * gateway made from the plan's routes and one for its function URL, on a DynamoDB that obeys the plan's roles, with
 * QStash delivering.
 */
export async function deploy(plan: Planned) {
  const planned = functions(plan)
  const { name: tableName, arn } = one(plan, "aws:dynamodb/table:Table", "TableTable").state
  const dynamo = await startDynamo()
  process.env.TABLE_NAME = String(tableName)
  const { createTable } = await import("../../../packages/functions/src/db/table.ts")
  await createTable()
  const guard = await startGuard(dynamo.endpoint, String(arn), (component) => statements(plan, component))

  const workerUrl = new URL(String(ofType(plan, "aws:lambda/functionUrl:FunctionUrl")[0]?.state.functionUrl))
  const apiUrl = new URL(String(one(plan, "aws:apigatewayv2/api:Api", "ApiApi").state.apiEndpoint))
  const secret = (name: string) => String(planned.get("MigrationWorker")?.links[name]?.value)

  const running = new Map<string, Promise<RunningLambda>>()
  const start = (component: string, folder?: string): Promise<RunningLambda> => {
    const { inputs, out } = planned.get(component) ?? {}
    if (!inputs || !out) throw new Error(`There is no function ${component}`)
    const started = startLambda({
      bundle: folder ?? out,
      handler: inputs.handler,
      functionName: inputs.name,
      memorySize: inputs.memorySize,
      // The plan's own is in functions.test.ts; here a busy machine must not be what ends a function.
      timeout: inputs.timeout * 20,
      environment: {
        ...quickNode(),
        ...inputs.environment.variables,
        AWS_ENDPOINT_URL_DYNAMODB: guard.endpoint,
        AWS_ACCESS_KEY_ID: component,
        AWS_SECRET_ACCESS_KEY: "secret",
        QSTASH_URL: qstash.url,
      },
    })
    running.set(component, started)
    return started
  }
  const lambda = (component: string) => running.get(component) ?? start(component)

  /** `sst secret set` and `sst deploy`: the same code, other links, a new process. */
  const setSecrets = async (component: string, secrets: Readonly<Record<string, string>>) => {
    const { inputs, out = "", links = {} } = planned.get(component) ?? {}
    const folder = await mkdtemp(join(tmpdir(), "imgmigrator-"))
    await cp(out, folder, { recursive: true })
    const changed = Object.entries(secrets).map(([name, value]) => [name, { ...links[name], value }])
    const key = inputs?.environment.variables.SST_KEY ?? ""
    await writeFile(
      join(folder, "resource.enc"),
      encrypted({ ...links, ...Object.fromEntries(changed) }, key),
    )
    await (await running.get(component))?.close()
    await start(component, folder)
    folders.push(folder)
  }
  const folders: string[] = []

  const call =
    (component: string, host: string) =>
    async (event: unknown): Promise<Invocation> => {
      try {
        return { result: await (await lambda(component)).invoke(servedUnder(event, host)) }
      } catch (error) {
        console.error(component, error)
        return { failed: "error" }
      }
    }

  const api = await startGateway({
    port: 0,
    host: "127.0.0.1",
    routes: routesOf(plan).map(({ routeKey, authorizationType, component = "" }) => {
      const [method = "", path = ""] = routeKey.split(" ")
      return { method, path, access: authorizationType === "CUSTOM" ? "key" : "public", component } as const
    }),
    invoke: ({ component }, event) => call(component, apiUrl.hostname)(event),
    authorizer: call("Authorizer", apiUrl.hostname),
  })
  const worker = await startGateway({
    port: 0,
    host: "127.0.0.1",
    // A function URL leads every path to its function; these two are looked at here.
    routes: ["/api/v1/webhooks/qstash", "/api/v1/webhooks/qstash/failure"].map(
      (path) => ({ method: "POST", path, access: "qstash" }) as const,
    ),
    invoke: (_, event) => call("MigrationWorker", workerUrl.hostname)(event),
    authorizer: () => Promise.reject(new Error("a function URL has no authorizer")),
  })
  const qstash = await startQStash({
    port: 0,
    token: secret("QSTASH_TOKEN"),
    currentSigningKey: secret("QSTASH_CURRENT_SIGNING_KEY"),
    nextSigningKey: secret("QSTASH_NEXT_SIGNING_KEY") || "sig_next",
    resolve: { [workerUrl.hostname]: worker.url, [apiUrl.hostname]: api.url },
  })

  return {
    dynamo: dynamo.endpoint,
    api: api.url,
    apiUrl,
    /** As deliveries are addressed: what QStash signs. */
    webhook: new URL("/api/v1/webhooks/qstash", workerUrl).href,
    qstash,
    guard,
    lambda,
    setSecrets,
    close: async () => {
      await qstash.close()
      await Promise.all([api.close(0), worker.close(0)])
      for (const each of running.values()) await (await each).close()
      await guard.close()
      await dynamo.close()
      for (const folder of folders) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** AWS tells a function the name under which it was called, not the address of our stand-in. */
function servedUnder(event: unknown, domainName: string): unknown {
  if (typeof event !== "object" || event === null || !("requestContext" in event)) return event
  return { ...event, requestContext: { ...Object(event.requestContext), domainName } }
}
