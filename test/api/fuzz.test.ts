import { readFileSync } from "node:fs"
import fc from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Problem } from "../../packages/functions/src/middleware/problem.ts"
import { operations } from "../../packages/functions/src/openapi/operations.ts"
import { routes } from "../../packages/functions/src/routes.ts"
import { anyUnit } from "../support/addresses.ts"
import { type Asked, call } from "./support/event.ts"
import { fromSchema, nastyText, type Schema } from "./support/from-schema.ts"
import { type Service, startService } from "./support/service.ts"

type Parameter = { readonly name: string; readonly in: string; readonly schema: Schema }
type Operation = {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: Schema } } }
  readonly responses: Readonly<Record<string, unknown>>
}
type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const root = new URL("../../", import.meta.url)
const document: Document = JSON.parse(readFileSync(new URL("docs/openapi.json", root), "utf8"))
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)
// Creating makes lists long, and after cancelling the others have nothing to do: so these come last.
const late = ["create-migration", "cancel-migration"]
const turn = ({ operation }: (typeof described)[number]) => late.indexOf(operation.operationId)
described.sort((a, b) => turn(a) - turn(b))
const resolve = (reference: string): Schema =>
  document.components.schemas[reference.split("/").at(-1) ?? ""] ?? {}

let service: Service
let ids: readonly string[] = []
const caller = { user_id: "fuzz" }
const handlers = new Map<string, Parameters<typeof call>[0]>()

beforeAll(async () => {
  service = await startService()
  for (const { name, handler } of routes)
    handlers.set(name, (await import(new URL(handler.replace(/\.handler$/, ".ts"), root).href)).handler)
  const body = JSON.stringify({ source: "s3://bucket-one", destination: "s3://bucket-two" })
  const create = handlers.get("create-migration")
  if (!create) throw new Error("no handler")
  ids = [
    await call(create, { method: "POST", body, caller }),
    await call(create, { method: "POST", body, caller }),
  ].map((answer) => answer.body.id)
})
afterAll(() => service.close())

/** Requests to an operation: from its description, with real ids among the others, and bodies that are no JSON. */
function requests({ path, method, operation }: (typeof described)[number]): fc.Arbitrary<Asked> {
  const parameters = operation.parameters ?? []
  const place = (where: string) => {
    const values = parameters
      .filter((each) => each.in === where)
      .map((each) => [each.name, texts(each)] as const)
    return fc
      .record(Object.fromEntries(values), where === "path" ? {} : { requiredKeys: [] })
      .map(withoutGaps)
  }
  const schema = operation.requestBody?.content["application/json"].schema
  const body = fc.oneof(
    ...(schema
      ? [{ arbitrary: fromSchema(schema, resolve).map((value) => JSON.stringify(value)), weight: 10 }]
      : []),
    { arbitrary: fc.string({ unit: anyUnit }), weight: 1 },
    { arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)), weight: 1 },
  )
  const type = fc.oneof(
    { arbitrary: fc.constant("application/json"), weight: 20 },
    {
      arbitrary: fc.constantFrom("text/plain", "", "application/xml", "application/problem+json; x"),
      weight: 1,
    },
  )
  return fc
    .tuple(place("path"), place("query"), place("header"), body, type)
    .map(([pathParameters, query, headers, text, contentType]) => ({
      method,
      path,
      pathParameters,
      query,
      headers: { "content-type": contentType, ...headers },
      body: text,
      caller,
    }))
}

const withoutGaps = (values: Partial<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )

function texts({ name, schema }: Parameter): fc.Arbitrary<string> {
  const some = fromSchema(schema, resolve).map((value) =>
    typeof value === "string" ? value : JSON.stringify(value),
  )
  return name === "id"
    ? fc.oneof(
        { arbitrary: fc.nat(1).map((n) => ids[n] ?? ""), weight: 4 },
        { arbitrary: fc.oneof(nastyText, some), weight: 1 },
      )
    : fc.oneof({ arbitrary: some, weight: 9 }, { arbitrary: nastyText, weight: 1 })
}

const cases = Number(process.env.FUZZ_CASES ?? 10_000)
/** What takes more from outside is asked more, and what sends a message each time less. In percent. */
const share: Readonly<Record<string, number>> = {
  "create-migration": 35,
  "get-report": 20,
  "get-migration": 5,
  "get-progress": 5,
  "list-migrations": 5,
  "pause-migration": 2,
  "resume-migration": 1,
  "retry-migration": 2,
  "cancel-migration": 1,
  "get-health": 12,
  "get-openapi": 12,
}

test("every operation has its share of the cases, and no case is nobody's", () => {
  expect(Object.keys(share).sort()).toEqual(described.map(({ operation }) => operation.operationId).sort())
  expect(Object.values(share).reduce((sum, percent) => sum + percent)).toBe(100)
})

test.for(described)(
  "$method $path answers what it is described to answer, whatever it is asked",
  { timeout: 300_000 },
  async (each) => {
    const { operationId, responses } = each.operation
    const handler = handlers.get(operationId)
    const answers = operations[operationId]?.answer
    if (!handler || !answers) throw new Error(`no handler for ${operationId}`)
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(requests(each), async (asked) => {
        const { status, headers, body } = await call(handler, asked)
        seen.set(status, (seen.get(status) ?? 0) + 1)
        expect(status).toBeLessThan(500)
        expect(Object.keys(responses)).toContain(String(status))
        if (status >= 400) {
          expect(headers["content-type"]).toBe("application/problem+json")
          expect(Problem.parse(body)).toMatchObject({ status })
        } else if (headers["content-type"] === "application/json") answers.schema?.parse(body)
      }),
      { numRuns: Math.ceil((cases * (share[operationId] ?? 0)) / 100) },
    )
    // A fuzz that never gets in tests nothing.
    expect(
      [...seen.keys()].some((status) => status < 300 || status === 409),
      JSON.stringify([...seen]),
    ).toBe(true)
  },
)
