import { authorizer, type Route, routes } from "../packages/functions/src/routes.ts"
import { lambda } from "./function.ts"
import { type Deed, granted } from "./grants.ts"
import { settings } from "./settings.ts"
import { worker } from "./worker.ts"

const deeds: Record<string, readonly Deed[]> = {
  "create-migration": ["read", "write", "publish"],
  "list-migrations": ["read"],
  "get-migration": ["read"],
  "cancel-migration": ["read", "write", "publish"],
  "get-progress": ["read"],
  "get-report": ["read"],
  "pause-migration": ["read", "write"],
  "resume-migration": ["read", "write", "publish"],
  "retry-migration": ["read", "write", "publish"],
  "get-health": ["check"],
  "get-openapi": [],
  "receive-delivery": ["read", "write", "publish", "verify", "move"],
  "receive-failure": ["verify"],
}

/** Requests a second, and how many at once after a quiet time, of one route. Beyond it, 429. */
const throttles = {
  key: { throttlingRateLimit: 50, throttlingBurstLimit: 100 },
  public: { throttlingRateLimit: 10, throttlingBurstLimit: 20 },
  // The most that QStash delivers on its largest plan at once.
  qstash: { throttlingRateLimit: 500, throttlingBurstLimit: 1_000 },
}

const routeKey = ({ method, path }: Route) => `${method} ${path}`

const routesMade = Promise.withResolvers<$util.Output<aws.apigatewayv2.Route>[]>()

export const api = new sst.aws.ApiGatewayV2("Api", {
  cors: settings.CORS_ORIGINS.length > 0 && {
    allowOrigins: settings.CORS_ORIGINS,
    allowMethods: ["GET", "POST", "DELETE"],
    allowHeaders: ["authorization", "content-type", "idempotency-key"],
    exposeHeaders: ["location", "retry-after", "idempotency-replayed", "x-next-cursor"],
    maxAge: "1 hour",
  },
  accessLog: { retention: "1 month" },
  transform: {
    stage: (stage, options) => {
      stage.defaultRouteSettings = throttles.public
      stage.routeSettings = routes.map((route) => ({ routeKey: routeKey(route), ...throttles[route.access] }))
      // A stage that names a route which does not exist yet is refused.
      options.dependsOn = routesMade.promise
      return undefined
    },
  },
})

const keys = api.addAuthorizer({
  name: "ApiKey",
  lambda: {
    function: lambda("Authorizer", { ...limits(authorizer), ...granted(["authorize"]) }).fn.arn,
    response: "simple",
    payload: "2.0",
    identitySources: ["$request.header.Authorization"],
    // So long does a revoked key live on.
    ttl: "60 seconds",
  },
})

const functions = new Map(
  routes.map((route) => {
    const does = deeds[route.name]
    if (!does) throw new Error(`infra/api.ts does not say what the route ${route.name} does`)
    const { link, ...rest } = granted(does)
    const needsAddress = does.includes("publish") || does.includes("check")
    const { fn } = lambda(pascal(route.name), {
      ...limits(route),
      ...rest,
      link: needsAddress ? [...link, worker.address] : link,
      description: routeKey(route),
    })
    return [route, fn]
  }),
)

routesMade.resolve(
  [...functions].map(([route, fn]) => {
    const args = { name: pascal(route.name), ...(route.access === "key" && { auth: { lambda: keys.id } }) }
    return api.route(routeKey(route), fn.arn, args).nodes.route
  }),
)

/** The second door for deliveries, of 29 seconds. */
export const receiveDelivery = named("receive-delivery")

function named(name: string): sst.aws.Function {
  const found = [...functions].find(([route]) => route.name === name)
  if (!found) throw new Error(`There is no route ${name}`)
  return found[1]
}

function limits({ handler, memory, timeout }: Pick<Route, "handler" | "memory" | "timeout">) {
  return { handler, memory, timeout }
}

function pascal(name: string): string {
  return name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
}
