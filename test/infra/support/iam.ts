import { once } from "node:events"
import { createServer } from "node:http"
import { text } from "node:stream/consumers"
import * as z from "zod"
import type { Statement } from "./view.ts"

export type Access = { readonly action: string; readonly resource: string; readonly partition: string }

const matches = (pattern: string, value: string) =>
  new RegExp(`^${pattern.replaceAll(/[^\w*]/g, "\\$&").replaceAll("*", ".*")}$`).test(value)

/** IAM's answer, for what our statements use: Allow only, `*` in patterns, and DynamoDB's leading keys. */
export const allows = (statements: readonly Statement[], { action, resource, partition }: Access): boolean =>
  statements.some(
    ({ Effect, Action, Resource, Condition }) =>
      Effect === "Allow" &&
      Action.some((each) => matches(each, action)) &&
      Resource.some((each) => matches(each, resource)) &&
      Object.entries(Condition ?? {}).every(
        ([test, variables]) =>
          test === "ForAllValues:StringLike" &&
          Object.entries(variables).every(
            ([name, values]) =>
              name === "dynamodb:LeadingKeys" && values.some((each) => matches(each, partition)),
          ),
      ),
  )

const Text = z.object({ S: z.string() })
const Keyed = z.looseObject({ pk: Text })
const Request = z.looseObject({
  IndexName: z.string().optional(),
  Key: Keyed.optional(),
  Item: Keyed.optional(),
  KeyConditionExpression: z.string().optional(),
  ExpressionAttributeNames: z.record(z.string(), z.string()).optional(),
  ExpressionAttributeValues: z.record(z.string(), z.unknown()).optional(),
  TransactItems: z
    .array(
      z.object({
        Put: z.looseObject({ Item: Keyed }).optional(),
        Update: z.looseObject({ Key: Keyed }).optional(),
      }),
    )
    .optional(),
})

/** What a request to DynamoDB does, as IAM sees it: a transaction is what is in it. */
function accesses(operation: string, table: string, body: unknown): readonly Access[] {
  const request = Request.parse(body)
  const item = (action: string, partition = "") => ({
    action: `dynamodb:${action}`,
    resource: table,
    partition,
  })
  if (request.TransactItems)
    return request.TransactItems.map(({ Put, Update }) =>
      Put ? item("PutItem", Put.Item.pk.S) : item("UpdateItem", Update?.Key.pk.S),
    )
  if (operation !== "Query") return [item(operation, (request.Key ?? request.Item)?.pk.S)]
  const [, placeholder = ""] = /^#\w+ = (:\w+)/.exec(request.KeyConditionExpression ?? "") ?? []
  const partition = Text.parse(request.ExpressionAttributeValues?.[placeholder]).S
  const resource = request.IndexName ? `${table}/index/${request.IndexName}` : table
  return [{ action: "dynamodb:Query", resource, partition }]
}

/**
 * A DynamoDB that lets each function do what its role says: the access key's id is the function's name. Everything that
 * was asked is kept.
 */
export async function startGuard(
  dynamo: string,
  table: string,
  roleOf: (component: string) => readonly Statement[],
) {
  const asked: (Access & { readonly component: string; readonly allowed: boolean })[] = []
  const server = createServer(async (req, res) => {
    const body = await text(req)
    const [, component = ""] = /Credential=(\w+)\//.exec(req.headers.authorization ?? "") ?? []
    const operation = String(req.headers["x-amz-target"]).split(".").at(-1) ?? ""
    const judged = accesses(operation, table, JSON.parse(body)).map((access) => ({
      ...access,
      component,
      allowed: allows(roleOf(component), access),
    }))
    asked.push(...judged)
    if (judged.some(({ allowed }) => !allowed)) {
      const type = "com.amazon.coral.service#AccessDeniedException"
      res.writeHead(400, { "content-type": "application/x-amz-json-1.0" })
      return res.end(
        JSON.stringify({ __type: type, message: `${component} is not authorized to ${operation}` }),
      )
    }
    const headers = Object.entries(req.headers).flatMap(([name, value]) =>
      typeof value === "string" && !["host", "connection", "content-length"].includes(name)
        ? [[name, value]]
        : [],
    )
    const answer = await fetch(dynamo, { method: "POST", body, headers: Object.fromEntries(headers) })
    res.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" })
    return res.end(Buffer.from(await answer.arrayBuffer()))
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    asked,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}
