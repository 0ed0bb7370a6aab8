import { StoreRef } from "@imgmigrator/core/store-ref"
import * as z from "zod"
import { AnyStore } from "../api/schemas.ts"
import { Problem } from "../middleware/problem.ts"
import { type Route, routes } from "../routes.ts"
import { type Operation, operations } from "./operations.ts"

const dialect = "https://json-schema.org/draft/2020-12/schema"
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/** The API's description (OpenAPI 3.1), made from the route table and the schemas that check requests. */
export function openapi() {
  const described = routes.filter(({ access }) => access !== "qstash")
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of described) {
    const operation = operations[route.name]
    if (!operation) throw new Error(`The route ${route.name} is not described.`)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: describe(route, operation) }
  }
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: dialect,
    info: {
      title: "ImgMigrator",
      version: "1",
      description:
        'Moves image libraries between stores in the background. Errors are problems (RFC 9457). Answers of the gateway itself (no key, a wrong key, too many requests) are `{"message": …}`.',
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { ...answers(), StoreRef: schema(StoreRef, "input"), Problem: schema(Problem, "output") },
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "An API key." } },
    },
  }
}

function describe(route: Route, { summary, request, answer, problems = [], other, also }: Operation) {
  const shape = request?.shape ?? {}
  const parameters = [
    ...parametersOf(shape.path, "path"),
    ...parametersOf(shape.query, "query"),
    ...parametersOf(shape.headers, "header"),
  ]
  const codes = [...(request ? [400] : []), ...(route.access === "key" ? [401, 403] : []), ...problems]
  const json = { "application/json": { schema: answer.name ? ref(answer.name) : { type: "object" } } }
  return {
    operationId: route.name,
    summary,
    security: route.access === "key" ? [{ key: [] }] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(shape.body && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: schema(shape.body, "input") } },
      },
    }),
    responses: {
      [answer.status]: {
        description: answer.description,
        ...(answer.headers && { headers: answer.headers }),
        content: { ...json, ...other },
      },
      ...(also && { [also.status]: { description: also.description, content: json } }),
      ...Object.fromEntries(
        codes.map((code) => [
          code,
          { description: titles[code], content: { "application/problem+json": { schema: ref("Problem") } } },
        ]),
      ),
    },
  }
}

const titles: Readonly<Record<number, string>> = {
  400: "The request is wrong; `errors` says where.",
  401: "No API key came with the request.",
  403: "The API key does not allow it.",
  404: "There is no such migration of yours.",
  409: "The migration's status does not allow it.",
  413: "The body is too large.",
  415: "The body is not sent as JSON.",
  422: "The Idempotency-Key was used with another body.",
}

function answers() {
  const named = Object.values(operations).flatMap(({ answer }) =>
    answer.name && answer.schema ? [[answer.name, schema(answer.schema, "output")] as const] : [],
  )
  return Object.fromEntries(named)
}

/** Each property of a part of the request as a parameter of its own. */
function parametersOf(part: z.ZodType | undefined, place: "path" | "query" | "header") {
  if (!(part instanceof z.ZodObject)) return []
  return Object.entries(part.shape).map(([name, value]) => {
    const { description, ...rest } = schema(value, "input")
    const isRequired = place === "path" || !z.safeParse(value, undefined).success
    return { name, in: place, required: isRequired, ...(description && { description }), schema: rest }
  })
}

function schema(type: z.core.$ZodType, io: "input" | "output") {
  const { $schema: _dialect, ...json } = z.toJSONSchema(type, {
    io,
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === AnyStore) Object.assign(jsonSchema, ref("StoreRef"))
    },
  })
  return json
}
