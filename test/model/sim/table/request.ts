import type { Scope } from "./expression.ts"
import { storedMap } from "./values.ts"

type Fields = Readonly<Record<string, unknown>>

/** The fields that db/*.ts gives to the document client's commands. */
export type Request = {
  readonly TableName?: string
  readonly Key?: Fields
  readonly Item?: Fields
  readonly ConditionExpression?: string
  readonly UpdateExpression?: string
  readonly KeyConditionExpression?: string
  readonly FilterExpression?: string
  readonly ProjectionExpression?: string
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>
  readonly ExpressionAttributeValues?: Fields
  readonly ReturnValues?: string
  readonly ReturnValuesOnConditionCheckFailure?: string
  readonly ReturnConsumedCapacity?: string
  readonly ConsistentRead?: boolean
  readonly IndexName?: string
  readonly ScanIndexForward?: boolean
  readonly ExclusiveStartKey?: Fields
  readonly Limit?: number
  readonly TransactItems?: readonly Readonly<Record<string, Request>>[]
  readonly ClientRequestToken?: string
}

export const scopeOf = (input: Request): Scope => ({
  names: input.ExpressionAttributeNames ?? {},
  values: storedMap(input.ExpressionAttributeValues ?? {}),
})

/** DynamoDB refuses names and values that are given and not used. */
export function checkScope(input: Request, { names, values }: Scope) {
  if (input.ProjectionExpression !== undefined) throw new Error("The engine projects nothing.")
  const text = [
    input.ConditionExpression,
    input.UpdateExpression,
    input.KeyConditionExpression,
    input.FilterExpression,
  ].join(" ")
  const used = new Set(text.match(/[#:]\w+/g) ?? [])
  for (const name of [...Object.keys(names), ...Object.keys(values)])
    if (!used.has(name))
      throw Object.assign(new Error(`${name} is unused in expressions`), { name: "ValidationException" })
}
