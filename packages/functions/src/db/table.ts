import { setTimeout as sleep } from "node:timers/promises"
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb"
import {
  DeleteCommand,
  type DeleteCommandInput,
  DynamoDBDocumentClient,
  GetCommand,
  type GetCommandInput,
  PutCommand,
  type PutCommandInput,
  paginateQuery,
  type QueryCommandInput,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb"
import { missing, tableName } from "../settings.ts"
import { activeIndex, type Key } from "./keys.ts"
import { count } from "./meter.ts"
import { judge, type Refused } from "./refusal.ts"

export type Row = Record<string, unknown>
export type Values = Readonly<Record<string, unknown>>

/** Locally no account is asked, so that a user's own AWS variables stay the stores' business. */
const dummy = { credentials: { accessKeyId: "local", secretAccessKey: "local" }, region: "local" }

/** A table that does not answer is asked again, in ms: without a limit a stalled connection would hold its worker for ever. */
const patience = { connectionTimeout: 2_000, requestTimeout: 3_000, throwOnRequestTimeout: true }

type Clients = { readonly client: DynamoDBClient; readonly documents: DynamoDBDocumentClient }
const made = new Map<string, Clients>()

/** One client for the life of the process, made at the first call, for each place that the settings lead to. */
function clients(): Clients {
  const { AWS_ENDPOINT_URL_DYNAMODB: endpoint, AWS_REGION: region, IMGMIGRATOR_DYNAMODB_DUMMY } = process.env
  const isDummy = IMGMIGRATOR_DYNAMODB_DUMMY === "1"
  const place = `${endpoint} ${region} ${isDummy}`
  const known = made.get(place)
  if (known) return known
  const client = new DynamoDBClient({
    maxAttempts: 5,
    requestHandler: patience,
    ...(isDummy && dummy),
  })
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } })
  made.set(place, { client, documents })
  return { client, documents }
}

type Consumed = { CapacityUnits?: number | undefined }
function book(operation: string, consumed: Consumed | readonly Consumed[] | undefined) {
  for (const each of consumed === undefined ? [] : [consumed].flat())
    count(operation, each.CapacityUnits ?? 0)
}

/** `#name` in an expression stands for the attribute `name`: every name is aliased, so no reserved word can bite. */
function aliases(...expressions: readonly (string | undefined)[]): Record<string, string> | undefined {
  const names = expressions.flatMap((text) => text?.match(/#\w+/g) ?? [])
  return names.length > 0 ? Object.fromEntries(names.map((name) => [name, name.slice(1)])) : undefined
}

function values(given: Values): Values | undefined {
  const defined = Object.entries(given).filter(([, value]) => value !== undefined)
  return defined.length > 0
    ? Object.fromEntries(defined.map(([name, value]) => [`:${name}`, value]))
    : undefined
}

/** What is under the key now; reads are strong unless said otherwise. */
export async function get(key: Key, projection?: string): Promise<Row | undefined> {
  const input: GetCommandInput = {
    TableName: tableName(),
    Key: key,
    ConsistentRead: true,
    ProjectionExpression: projection,
    ExpressionAttributeNames: aliases(projection),
    ReturnConsumedCapacity: "TOTAL",
  }
  const { Item, ConsumedCapacity } = await clients().documents.send(new GetCommand(input))
  book("Get", ConsumedCapacity)
  return Item
}

export type Query = {
  readonly condition: string
  readonly values: Values
  readonly filter?: string
  readonly index?: string
  readonly projection?: string
  readonly limit?: number
  readonly newestFirst?: boolean
  readonly after?: Key
}

/** The rows of one partition, page by page as the table gives them; strong, but for an index. */
export async function* query(q: Query): AsyncGenerator<Row> {
  const input: QueryCommandInput = {
    TableName: tableName(),
    KeyConditionExpression: q.condition,
    FilterExpression: q.filter,
    ProjectionExpression: q.projection,
    ExpressionAttributeNames: aliases(q.condition, q.filter, q.projection),
    ExpressionAttributeValues: values(q.values),
    ScanIndexForward: !q.newestFirst,
    ExclusiveStartKey: q.after,
    ReturnConsumedCapacity: "TOTAL",
    ...(q.index === undefined ? { ConsistentRead: true } : { IndexName: q.index }),
    ...(q.limit !== undefined && { Limit: q.limit }),
  }
  for await (const page of paginateQuery({ client: clients().documents }, input)) {
    book("Query", page.ConsumedCapacity)
    yield* page.Items ?? []
  }
}

export type Put = {
  readonly key: Key
  readonly item: Values
  readonly condition?: string
  readonly values?: Values
}

/** Write a whole row. */
export const put = (p: Put): Promise<undefined | Refused> =>
  attempt(async () => {
    const { ConsumedCapacity } = await clients().documents.send(
      new PutCommand({ ...putInput(p), ReturnConsumedCapacity: "TOTAL" }),
    )
    book("Put", ConsumedCapacity)
    return undefined
  })

export type Removal = Omit<Put, "item">

export const remove = (r: Removal): Promise<undefined | Refused> =>
  attempt(async () => {
    const input: DeleteCommandInput = {
      TableName: tableName(),
      Key: r.key,
      ...conditions(r),
      ReturnConsumedCapacity: "TOTAL",
    }
    const { ConsumedCapacity } = await clients().documents.send(new DeleteCommand(input))
    book("Delete", ConsumedCapacity)
    return undefined
  })

const putInput = (p: Put): PutCommandInput => ({
  TableName: tableName(),
  Item: { ...p.key, ...p.item },
  ...conditions(p),
})

const conditions = (c: Pick<Put, "condition" | "values">) => ({
  ConditionExpression: c.condition,
  ExpressionAttributeNames: aliases(c.condition),
  ExpressionAttributeValues: c.condition === undefined ? undefined : values(c.values ?? {}),
  ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
})

export type Update = {
  readonly key: Key
  /** Attributes to set; `undefined` removes. */
  readonly set: Values
  /** Further assignments, such as `#fence = #fence + :one`. */
  readonly assign?: readonly string[]
  readonly condition: string
  readonly values?: Values
}

/** Change a row under a condition; gives the row as it then is. */
export const update = (u: Update): Promise<Row | Refused> =>
  attempt(async () => {
    const { Attributes = {}, ConsumedCapacity } = await clients().documents.send(
      new UpdateCommand({ ...updateInput(u), ReturnValues: "ALL_NEW", ReturnConsumedCapacity: "TOTAL" }),
    )
    book("Update", ConsumedCapacity)
    return Attributes
  })

function updateInput(u: Update) {
  const names = Object.keys(u.set)
  const sets = [
    ...names.filter((name) => u.set[name] !== undefined).map((name) => `#${name} = :${name}`),
    ...(u.assign ?? []),
  ]
  const removes = names.filter((name) => u.set[name] === undefined).map((name) => `#${name}`)
  const expression = [
    ...(sets.length > 0 ? [`SET ${sets.join(", ")}`] : []),
    ...(removes.length > 0 ? [`REMOVE ${removes.join(", ")}`] : []),
  ].join(" ")
  return {
    TableName: tableName(),
    Key: u.key,
    UpdateExpression: expression,
    ConditionExpression: u.condition,
    ExpressionAttributeNames: aliases(expression, u.condition),
    ExpressionAttributeValues: values({ ...u.set, ...u.values }),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  }
}

/** All or nothing. */
export const transact = (
  steps: readonly ({ put: Put } | { update: Update })[],
): Promise<undefined | Refused> =>
  attempt(async () => {
    const items: TransactWriteCommandInput["TransactItems"] = steps.map((step) =>
      "put" in step ? { Put: putInput(step.put) } : { Update: updateInput(step.update) },
    )
    const { ConsumedCapacity } = await clients().documents.send(
      new TransactWriteCommand({ TransactItems: items, ReturnConsumedCapacity: "TOTAL" }),
    )
    book("TransactWrite", ConsumedCapacity)
    return undefined
  })

/** Conflicts and throttles are repeated with growing, jittered pauses; a failed condition is an answer. */
async function attempt<T>(run: () => Promise<T>): Promise<T | Refused> {
  for (let tries = 1; ; tries++) {
    try {
      return await run()
    } catch (error) {
      const verdict = judge(error)
      if (typeof verdict === "object") return verdict
      if (verdict === "mistake" || tries === 8) throw error
      await sleep(Math.random() * Math.min(1_000, 10 * 2 ** tries))
    }
  }
}

/** Fault `unavailable settings.missing` where no region is to be had; one that a shared AWS profile names will do. */
export async function checkRegion(): Promise<void> {
  try {
    await clients().client.config.region()
  } catch {
    throw missing(
      "AWS_REGION is not configured",
      "Set it to the region of the DynamoDB table, like eu-central-1.",
    )
  }
}

/** Fault `unavailable settings.missing` where nothing gives credentials: no setting, no shared profile, no role. */
export async function checkCredentials(): Promise<void> {
  try {
    await clients().client.config.credentials()
  } catch {
    throw missing(
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not configured",
      "Set them to the keys of a user who may use the DynamoDB table.",
    )
  }
}

/** Make the table where there is none; deployed to AWS by SST, infra does it. */
export async function createTable() {
  const TableName = tableName()
  try {
    await clients().client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
          { AttributeName: activeIndex.attribute, AttributeType: "S" },
        ],
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        GlobalSecondaryIndexes: [
          {
            IndexName: activeIndex.name,
            KeySchema: [
              { AttributeName: activeIndex.attribute, KeyType: "HASH" },
              { AttributeName: "sk", KeyType: "RANGE" },
            ],
            Projection: { ProjectionType: "KEYS_ONLY" },
          },
        ],
      }),
    )
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
  }
  while (
    (await clients().client.send(new DescribeTableCommand({ TableName }))).Table?.TableStatus !== "ACTIVE"
  )
    await sleep(20)
}

/** Let DynamoDB delete what has expired. Nothing relies on it: rows past their time count as absent. */
export async function enableExpiry(): Promise<void> {
  const table = { TableName: tableName() }
  const { client } = clients()
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand(table))
  if (TimeToLiveDescription?.TimeToLiveStatus?.startsWith("ENABL")) return
  const TimeToLiveSpecification = { AttributeName: "expires_at", Enabled: true }
  await client.send(new UpdateTimeToLiveCommand({ ...table, TimeToLiveSpecification }))
}
