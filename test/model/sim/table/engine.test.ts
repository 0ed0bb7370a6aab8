import { DynamoDBClient } from "@aws-sdk/client-dynamodb"
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb"
import fc from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Dynamo, startDynamo } from "../../../support/dynamodb.ts"
import { newEngine } from "./engine.ts"
import type { Request } from "./request.ts"

let dynamo: Dynamo
let documents: DynamoDBDocumentClient
beforeAll(async () => {
  dynamo = await startDynamo()
  const client = new DynamoDBClient({ credentials: { accessKeyId: "local", secretAccessKey: "local" } })
  documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } })
})
afterAll(() => dynamo.close())

const commands = {
  Get: GetCommand,
  Put: PutCommand,
  Update: UpdateCommand,
  Delete: DeleteCommand,
  Query: QueryCommand,
  TransactWrite: TransactWriteCommand,
}
type Step = { readonly command: keyof typeof commands; readonly input: Request }

/** Rows and conditions of the kinds that db/*.ts writes: absence, fences, statuses, leases. */
const sk = fc.constantFrom("LANE#000", "LANE#001", "MANIFEST", "OUTCOME#1#0")
const number = fc.nat(3)
const conditions = fc.oneof(
  fc.constant({}),
  fc.constant({ ConditionExpression: "attribute_not_exists(#pk)", names: ["pk"], values: {} }),
  fc.record({
    ConditionExpression: fc.constantFrom(
      "#fence = :mine",
      "attribute_not_exists(#pk) OR #fence <= :mine",
      "attribute_exists(#pk) AND (#fence < :mine OR #fence > :mine)",
    ),
    names: fc.constant(["pk", "fence"]),
    values: fc.record({ ":mine": number }),
  }),
  fc.record({
    ConditionExpression: fc.constant("#status IN (:a, :b)"),
    names: fc.constant(["status"]),
    values: fc.constant({ ":a": "running", ":b": "paused" }),
  }),
)
type Condition = { ConditionExpression?: string; names?: readonly string[]; values?: object }

const put = fc.tuple(sk, number, fc.constantFrom("running", "paused", "failed"), conditions)
const update = fc.tuple(sk, number, fc.boolean(), conditions)

function withCondition(condition: Condition, expression: string, values: object): Request {
  const text = `${expression} ${condition.ConditionExpression ?? ""}`
  const names = Object.fromEntries([...text.matchAll(/#(\w+)/g)].map(([alias, name]) => [alias, name]))
  const all = { ...values, ...condition.values }
  return {
    ...(condition.ConditionExpression && { ConditionExpression: condition.ConditionExpression }),
    ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names as Record<string, string> }),
    ...(Object.keys(all).length > 0 && { ExpressionAttributeValues: all as Record<string, unknown> }),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  }
}
const putOf = (
  pk: string,
  [key, fence, status, condition]: readonly [string, number, string, Condition],
) => ({
  Item: { pk, sk: key, fence, status, spent: { writes: fence, left: undefined } },
  ...withCondition(condition, "", {}),
})
function updateOf(pk: string, [key, fence, isSum, condition]: readonly [string, number, boolean, Condition]) {
  const expression = isSum
    ? "SET #fence = #fence + :one, #spent.#writes = #spent.#writes + :one"
    : "SET #fence = :to REMOVE #status"
  return {
    Key: { pk, sk: key },
    UpdateExpression: expression,
    ...withCondition(condition, expression, isSum ? { ":one": 1 } : { ":to": fence }),
  }
}

const steps = (pk: string): fc.Arbitrary<Step> =>
  fc.oneof(
    put.map((each): Step => ({ command: "Put", input: putOf(pk, each) })),
    update.map(
      (each): Step => ({
        command: "Update",
        input: { ...updateOf(pk, each), ReturnValues: "ALL_NEW" },
      }),
    ),
    fc.tuple(put, update).map(
      ([a, b]): Step => ({
        command: "TransactWrite",
        input: { TransactItems: [{ Put: putOf(pk, a) }, { Update: updateOf(pk, b) }] },
      }),
    ),
    sk.map((key): Step => ({ command: "Get", input: { Key: { pk, sk: key }, ConsistentRead: true } })),
    sk.map((key): Step => ({ command: "Delete", input: { Key: { pk, sk: key } } })),
    fc.tuple(fc.boolean(), fc.constantFrom("LANE#", "OUT", "X")).map(
      ([forward, prefix]): Step => ({
        command: "Query",
        input: {
          KeyConditionExpression: "#pk = :pk AND begins_with(#sk, :prefix)",
          ExpressionAttributeNames: { "#pk": "pk", "#sk": "sk" },
          ExpressionAttributeValues: { ":pk": pk, ":prefix": prefix },
          ScanIndexForward: forward,
        },
      }),
    ),
  )

/** What our code looks at in an answer or a refusal. */
async function told(ask: () => unknown): Promise<unknown> {
  try {
    const { Item, Items, Attributes } = (await ask()) as Record<string, unknown>
    return { Item, Items, Attributes }
  } catch (error) {
    const { name, Item, CancellationReasons } = error as {
      name: string
      Item?: unknown
      CancellationReasons?: readonly { Code?: string; Item?: unknown }[]
    }
    return { name, Item, reasons: CancellationReasons?.map(({ Code, Item }) => ({ Code, Item })) }
  }
}

test("the model's engine and a real DynamoDB API answer whatever the ledger asks alike", async () => {
  let serial = 0
  const tableName = dynamo.tableName
  await fc.assert(
    fc.asyncProperty(fc.array(steps("P"), { minLength: 1, maxLength: 20 }), async (sequence) => {
      const pk = `P${serial++}`
      const engine = newEngine()
      for (const { command, input } of JSON.parse(
        JSON.stringify(sequence).replaceAll('"P"', `"${pk}"`),
      ) as Step[]) {
        const items = input.TransactItems?.map((step) =>
          Object.fromEntries(
            Object.entries(step).map(([name, each]) => [name, { ...each, TableName: tableName }]),
          ),
        )
        const request = items ? { TransactItems: items } : { ...input, TableName: tableName }
        const made = new commands[command](request as never)
        const real = await told(() => documents.send(made as PutCommand))
        const ours = await told(() => engine.execute(command, request as Request))
        expect(ours).toEqual(real)
      }
    }),
    { numRuns: 60 },
  )
})
