import * as z from "zod"
import type { Planned, Resource } from "./plan.ts"

export const ofType = (plan: Planned, type: string): readonly Resource[] =>
  plan.resources.filter((resource) => resource.type === type)

export function one(plan: Planned, type: string, name: string): Resource {
  const found = ofType(plan, type).find((resource) => resource.name === name)
  if (!found) throw new Error(`${plan.stage} plans no ${type} ${name}`)
  return found
}

const LambdaInputs = z.object({
  name: z.string(),
  handler: z.string(),
  runtime: z.string(),
  architectures: z.array(z.string()),
  memorySize: z.number(),
  timeout: z.number(),
  environment: z.object({ variables: z.record(z.string(), z.string()) }),
  loggingConfig: z.object({ logFormat: z.string(), logGroup: z.string() }),
  tracingConfig: z.object({ mode: z.string() }),
  reservedConcurrentExecutions: z.number().optional(),
  role: z.string(),
})
export type LambdaInputs = z.infer<typeof LambdaInputs>

/** Functions by their component's name: what AWS is told, the source's handler, and the linked names. */
export function functions(plan: Planned) {
  return new Map(
    ofType(plan, "aws:lambda/function:Function").map((resource) => {
      const component = resource.name.replace(/Function$/, "")
      const build = plan.builds.find(({ functionID }) => functionID === component)
      if (!build) throw new Error(`${component} was never bundled`)
      const inputs = LambdaInputs.parse(resource.inputs)
      return [component, { inputs, source: build.handler, out: build.out, links: build.links }] as const
    }),
  )
}

const Many = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())

export const Statement = z.object({
  Effect: z.string(),
  Action: Many,
  Resource: Many,
  Condition: z.record(z.string(), z.record(z.string(), z.array(z.string()))).optional(),
})
export type Statement = z.infer<typeof Statement>

const Inline = z.array(z.object({ name: z.string(), policy: z.string() }))

/** All that a function's role allows. */
export function statements(plan: Planned, component: string): readonly Statement[] {
  const { inputs } = one(plan, "aws:iam/role:Role", `${component}Role`)
  return Inline.parse(inputs.inlinePolicies).flatMap(
    ({ policy }) => z.object({ Statement: z.array(Statement) }).parse(JSON.parse(policy)).Statement,
  )
}

const RouteInputs = z.object({
  routeKey: z.string(),
  target: z.string(),
  authorizationType: z.string(),
  authorizerId: z.string().optional(),
})

/** Each route: who may call, and the component that answers. */
export function routesOf(plan: Planned) {
  return ofType(plan, "aws:apigatewayv2/route:Route").map(({ inputs, parent }) => {
    const { routeKey, authorizationType, authorizerId, target } = RouteInputs.parse(inputs)
    const integration = plan.resources.find(
      (each) => each.type === "aws:apigatewayv2/integration:Integration" && each.parent === parent,
    )
    const [component] =
      [...functions(plan)].find(([, { inputs }]) =>
        String(integration?.inputs.integrationUri).endsWith(`:${inputs.name}`),
      ) ?? []
    const isIntegrated = target === `integrations/${integration?.name}-id`
    return { routeKey, authorizationType, authorizerId, component: isIntegrated ? component : undefined }
  })
}

const Link = z.object({ target: z.string(), properties: z.record(z.string(), z.string()) })

/** Everything that can be linked, by name, as `sst shell` and sst-env.d.ts know it. */
export const linksOf = (plan: Planned) =>
  ofType(plan, "sst:sst:LinkRef")
    .map(({ outputs }) => Link.parse(outputs))
    .sort((a, b) => (a.target < b.target ? -1 : 1))

/** What `sst shell` puts into the environment. */
export const shellEnvironment = (plan: Planned): Record<string, string> => ({
  SST_RESOURCE_App: JSON.stringify({ name: plan.app.name, stage: plan.stage }),
  ...Object.fromEntries(
    linksOf(plan).map(({ target, properties }) => [`SST_RESOURCE_${target}`, JSON.stringify(properties)]),
  ),
})
