import { DynamoDBClient } from "@aws-sdk/client-dynamodb"
import { DynamoDBDocumentClient, GetCommand } from "@aws-sdk/lib-dynamodb"

/** The least that a function of ours can be: the DynamoDB client, and one read. */
const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}))

export async function handler() {
  const TableName = process.env.TABLE_NAME
  const { Item } = await documents.send(new GetCommand({ TableName, Key: { pk: "KEY#1", sk: "KEY" } }))
  return { statusCode: Item ? 200 : 404 }
}
