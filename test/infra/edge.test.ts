import { beforeAll, expect, test } from "vitest"
import { routeMistakes } from "./support/checks.ts"
import { dev, evaluated, production, stages } from "./support/stages.ts"
import { functions, ofType, one, routesOf } from "./support/view.ts"

beforeAll(...evaluated)

test.for(Object.entries(stages))(
  "%s plans the route table, each route with its authorizer",
  async ([, plan]) => {
    expect(routeMistakes(await plan())).toEqual([])
  },
)

test("the routes are those of the API's description, and these alone are open", async () => {
  const routes = routesOf(await production())
  expect(routes.map(({ routeKey }) => routeKey).sort()).toEqual([
    "DELETE /api/v1/migrations/{id}",
    "GET /api/v1/health",
    "GET /api/v1/migrations",
    "GET /api/v1/migrations/{id}",
    "GET /api/v1/migrations/{id}/progress",
    "GET /api/v1/migrations/{id}/report",
    "GET /api/v1/openapi.json",
    "POST /api/v1/migrations",
    "POST /api/v1/migrations/{id}/pause",
    "POST /api/v1/migrations/{id}/resume",
    "POST /api/v1/migrations/{id}/retry",
    "POST /api/v1/webhooks/qstash",
    "POST /api/v1/webhooks/qstash/failure",
  ])
  const open = routes.filter(({ authorizationType }) => authorizationType === "NONE")
  expect(open.map(({ routeKey }) => routeKey).sort()).toEqual([
    "GET /api/v1/health",
    "GET /api/v1/openapi.json",
    "POST /api/v1/webhooks/qstash",
    "POST /api/v1/webhooks/qstash/failure",
  ])
})

test("API keys are asked of our function; its simple answer is kept for a minute", async () => {
  const plan = await production()
  const authorizers = ofType(plan, "aws:apigatewayv2/authorizer:Authorizer")
  expect(authorizers).toHaveLength(1)
  expect(authorizers[0]?.inputs).toMatchObject({
    authorizerType: "REQUEST",
    authorizerPayloadFormatVersion: "2.0",
    enableSimpleResponses: true,
    authorizerResultTtlInSeconds: 60,
    identitySources: ["$request.header.Authorization"],
    authorizerUri: expect.stringContaining(`${functions(plan).get("Authorizer")?.inputs.name}/invocations`),
  })
})

test("every route has a throttle of its own, and the stage waits until the routes exist", async () => {
  const plan = await production()
  const { inputs, dependsOn } = one(plan, "aws:apigatewayv2/stage:Stage", "ApiStage")
  const settings = Array.isArray(inputs.routeSettings) ? inputs.routeSettings : []
  expect(settings.map((each) => each.routeKey).sort()).toEqual(
    routesOf(plan)
      .map(({ routeKey }) => routeKey)
      .sort(),
  )
  // Without both numbers the provider sends 0, which refuses everything (pulumi-aws issue 2363).
  for (const each of [...settings, inputs.defaultRouteSettings]) {
    expect(each.throttlingRateLimit).toBeGreaterThan(0)
    expect(each.throttlingBurstLimit).toBeGreaterThan(0)
  }
  const routes = ofType(plan, "aws:apigatewayv2/route:Route").map(({ urn }) => urn)
  expect(dependsOn).toEqual(expect.arrayContaining(routes))
})

test("requests are logged for a month, with who asked, what was answered and how long it took", async () => {
  const plan = await production()
  const { inputs } = one(plan, "aws:apigatewayv2/stage:Stage", "ApiStage")
  const group = one(plan, "aws:cloudwatch/logGroup:LogGroup", "ApiAccessLog")
  expect(group.inputs.retentionInDays).toBe(30)
  expect(inputs.accessLogSettings).toMatchObject({ destinationArn: group.state.arn })
  const format = JSON.stringify(inputs.accessLogSettings)
  for (const field of ["requestId", "routeKey", "status", "responseLatency", "ip"])
    expect(format).toContain(field)
  expect(format.toLowerCase()).not.toContain("authorization")
})

test("CORS is closed unless origins are given, and then open to these only", async () => {
  const [closed, open] = [await production(), await dev()]
  expect(one(closed, "aws:apigatewayv2/api:Api", "ApiApi").inputs.corsConfiguration ?? {}).toEqual({})
  expect(one(open, "aws:apigatewayv2/api:Api", "ApiApi").inputs.corsConfiguration).toMatchObject({
    allowOrigins: ["https://app.example.com"],
    allowMethods: ["GET", "POST", "DELETE"],
    allowHeaders: ["authorization", "content-type", "idempotency-key"],
  })
})

test.for(Object.entries(stages))(
  "%s: beside the routes only the worker's function URL is public",
  async ([, planOf]) => {
    const plan = await planOf()
    const worker = functions(plan).get("MigrationWorker")?.inputs.name
    const urls = ofType(plan, "aws:lambda/functionUrl:FunctionUrl")
    expect(urls).toHaveLength(1)
    expect(urls[0]?.inputs).toMatchObject({
      functionName: worker,
      authorizationType: "NONE",
      invokeMode: "BUFFERED",
    })
    expect(urls[0]?.inputs.cors).toBeUndefined()
    const permissions = ofType(plan, "aws:lambda/permission:Permission").map(({ inputs }) => inputs)
    // A new URL needs both (AWS: Control access to Lambda function URLs, October 2025).
    expect(permissions.filter(({ principal }) => principal === "*")).toEqual([
      expect.objectContaining({
        action: "lambda:InvokeFunction",
        function: worker,
        invokedViaFunctionUrl: true,
      }),
      expect.objectContaining({
        action: "lambda:InvokeFunctionUrl",
        function: worker,
        functionUrlAuthType: "NONE",
      }),
    ])
    for (const { principal, sourceArn } of permissions)
      if (principal !== "*")
        expect([principal, sourceArn]).toEqual([
          "apigateway.amazonaws.com",
          expect.stringContaining(":execute-api:"),
        ])
  },
)
