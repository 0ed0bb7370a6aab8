import { activeIndex, keys, partition } from "../packages/functions/src/db/keys.ts"
import { isProduction } from "./stage.ts"

// A link to a table gives `dynamodb:*` on it; ours gives the name, and each function says what it does (grants.ts).
sst.Linkable.wrap(sst.aws.Dynamo, (table) => ({ properties: { name: table.name } }))

export const table = new sst.aws.Dynamo("Table", {
  fields: { pk: "string", sk: "string", [activeIndex.attribute]: "string" },
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: {
    [activeIndex.name]: { hashKey: activeIndex.attribute, rangeKey: "sk", projection: "keys-only" },
  },
  ttl: "expires_at",
  deletionProtection: isProduction,
})

/** Only rows whose partition key is like one of these. Of an index it is the index's. */
const partitions = (...like: string[]) => [
  { test: "ForAllValues:StringLike", variable: "dynamodb:LeadingKeys", values: like },
]

const migrationRows = partitions(partition.user("*"), partition.migration("*"))
const writtenRows = partitions(partition.user("*"), partition.migration("*"), partition.usage("*"))

/** What may be done to the table, by name. None scans, one alone reads API keys, and no user's row can be deleted. */
export const tableAccess = {
  readKeys: [
    { actions: ["dynamodb:GetItem"], resources: [table.arn], conditions: partitions(keys.apiKey("*").pk) },
  ],
  read: [
    { actions: ["dynamodb:GetItem", "dynamodb:Query"], resources: [table.arn], conditions: migrationRows },
  ],
  // Transactions are allowed by the actions in them (AWS: Using IAM with DynamoDB transactions).
  write: [
    {
      actions: ["dynamodb:PutItem", "dynamodb:UpdateItem"],
      resources: [table.arn],
      conditions: writtenRows,
    },
  ],
  // The row of an upload goes when its item is booked (packages/functions/src/db/uploads.ts).
  endUploads: [
    {
      actions: ["dynamodb:DeleteItem"],
      resources: [table.arn],
      conditions: partitions(partition.migration("*")),
    },
  ],
  findActive: [
    {
      actions: ["dynamodb:Query"],
      resources: [$interpolate`${table.arn}/index/${activeIndex.name}`],
      conditions: partitions(activeIndex.value, activeIndex.ended),
    },
  ],
}
