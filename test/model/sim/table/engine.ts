import {
  type AttributeValue,
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
} from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import { holds, parseCondition, type Scope } from "./expression.ts"
import { checkScope, type Request, scopeOf } from "./request.ts"
import { invalid, parseUpdate, updated } from "./update.ts"
import { type Row, storedMap } from "./values.ts"

export type Change = {
  readonly pk: string
  readonly sk: string
  readonly before: Row | undefined
  readonly after: Row | undefined
}
export type Key = { readonly pk: string; readonly sk: string }
export const keyText = ({ pk, sk }: Key) => `${pk}/${sk}`

/**
 * DynamoDB's answers to the requests of db/*.ts, at the level of the document client and in this process, thousands of
 * times faster than any server: enough for a model test. Differences are looked for in engine.test.ts.
 */
export type Engine = {
  /** One request, done at this moment; throws what the SDK would. `isLocked`: rows that a transaction holds. */
  execute(
    command: string,
    input: Request,
    isLocked?: (key: string) => boolean,
  ): Readonly<Record<string, unknown>>
  get(key: Key): Row | undefined
  partition(pk: string): readonly Row[]
  /** Hears of each change, all changes of a transaction together. */
  onChange(hear: (changes: readonly Change[]) => void): void
}

const metadata = { $metadata: {} }
export const validation = (message: string): Error =>
  Object.assign(new Error(message), { name: "ValidationException" })

type Prepared = { readonly change: Change } | { readonly reason: Reason }
type Item = Record<string, AttributeValue>
type Reason = { Code: string; Message?: string; Item?: Item }

export function newEngine(): Engine {
  const table = new Map<string, Map<string, Row>>()
  const listeners: ((changes: readonly Change[]) => void)[] = []

  const rowAt = ({ pk, sk }: Key) => table.get(pk)?.get(sk)
  const apply = (changes: readonly Change[]) => {
    for (const { pk, sk, after } of changes) {
      const rows = table.get(pk) ?? new Map<string, Row>()
      table.set(pk, rows)
      if (after) rows.set(sk, after)
      else rows.delete(sk)
    }
    for (const hear of listeners) hear(changes)
  }

  const prepare = (command: string, input: Request): Prepared => {
    const item = command === "Put" ? storedMap(input.Item ?? {}) : undefined
    const key = keyOf(item ?? input.Key)
    const before = rowAt(key)
    const scope = scopeOf(input)
    checkScope(input, scope)
    if (input.ConditionExpression && !holds(parseCondition(input.ConditionExpression), before, scope)) {
      const isShown = before && input.ReturnValuesOnConditionCheckFailure === "ALL_OLD"
      const shown: { Item?: Item } = isShown ? { Item: marshall(before) } : {}
      return {
        reason: { Code: "ConditionalCheckFailed", Message: "The conditional request failed", ...shown },
      }
    }
    if (command === "Delete") return { change: { ...key, before, after: undefined } }
    if (item) return { change: { ...key, before, after: item } }
    const after = changed(input, before ?? key, scope)
    if (typeof after === "string") return { reason: { Code: "ValidationError", Message: after } }
    return { change: { ...key, before, after } }
  }

  const write = (command: string, input: Request, isLocked: (key: string) => boolean) => {
    if (isLocked(keyText(keyOf(input.Item ?? input.Key))))
      throw new TransactionConflictException({ message: "Transaction is ongoing for the item", ...metadata })
    const prepared = prepare(command, input)
    if ("change" in prepared) {
      apply([prepared.change])
      return input.ReturnValues === "ALL_NEW" ? { Attributes: prepared.change.after } : {}
    }
    const { Code, Message = "", Item } = prepared.reason
    if (Code !== "ConditionalCheckFailed") throw validation(Message)
    throw new ConditionalCheckFailedException({ message: Message, ...metadata, ...(Item && { Item }) })
  }

  const transact = (input: Request, isLocked: (key: string) => boolean) => {
    const steps = (input.TransactItems ?? []).flatMap((step) => Object.entries(step))
    const keys = steps.map(([, each]) => keyText(keyOf(each.Item ?? each.Key)))
    if (new Set(keys).size < keys.length)
      throw validation("Transaction request cannot include multiple operations on one item")
    const conflicts = keys.map(isLocked)
    const prepared = steps.map(([command, each]): Prepared => prepare(command, each))
    const reasons = prepared.map((each, i): Reason => {
      if (conflicts[i]) return { Code: "TransactionConflict", Message: "Transaction is ongoing for the item" }
      return "reason" in each ? each.reason : { Code: "None" }
    })
    if (reasons.every(({ Code }) => Code === "None")) {
      apply(prepared.flatMap((each) => ("change" in each ? [each.change] : [])))
      return {}
    }
    const message = `Transaction cancelled [${reasons.map(({ Code }) => Code).join(", ")}]`
    throw new TransactionCanceledException({ message, ...metadata, CancellationReasons: reasons })
  }

  const rowsOf = (input: Request, scope: Scope): readonly Row[] => {
    const condition = parseCondition(input.KeyConditionExpression ?? "")
    const all =
      input.IndexName === undefined
        ? [...table.values()].flatMap((rows) => [...rows.values()])
        : [...table.values()].flatMap((rows) =>
            [...rows.values()].filter(({ active }) => active !== undefined),
          )
    const pk = input.ExpressionAttributeValues?.[":pk"]
    const rows = typeof pk === "string" && !input.IndexName ? [...(table.get(pk)?.values() ?? [])] : all
    const sorted = rows.filter((row) => holds(condition, row, scope)).sort(bySk)
    return input.ScanIndexForward === false ? sorted.reverse() : sorted
  }

  const query = (input: Request) => {
    const scope = scopeOf(input)
    checkScope(input, scope)
    const { ExclusiveStartKey: start } = input
    const sign = input.ScanIndexForward === false ? -1 : 1
    const found = rowsOf(input, scope).filter((row) => !start || sign * bySk(row, storedMap(start)) > 0)
    const page = found.slice(0, input.Limit ?? found.length)
    const last = page.at(-1)
    const more = last && page.length === input.Limit
    const { FilterExpression: filter } = input
    const items = filter ? page.filter((row) => holds(parseCondition(filter), row, scope)) : page
    return {
      Items: input.IndexName ? items.map(({ pk, sk, active }) => ({ pk, sk, active })) : items,
      Count: items.length,
      ...(more && { LastEvaluatedKey: keysOf(last, input.IndexName) }),
    }
  }

  return {
    get: rowAt,
    partition: (pk) => [...(table.get(pk)?.values() ?? [])].sort(bySk),
    onChange: (hear) => listeners.push(hear),
    execute: (command, input, isLocked = () => false) => {
      if (command === "Get") return { Item: rowAt(keyOf(input.Key)) }
      if (command === "Query") return query(input)
      if (command === "Put" || command === "Update" || command === "Delete")
        return write(command, input, isLocked)
      if (command === "TransactWrite") return transact(input, isLocked)
      throw new Error(`The engine knows no ${command}.`)
    },
  }
}

function changed(input: Request, before: Row, scope: Scope): Row | string {
  const expression = parseUpdate(input.UpdateExpression ?? "")
  const problem = invalid(expression, scope)
  if (problem) throw validation(problem)
  return updated(expression, before, scope)
}

function keyOf(from: Readonly<Record<string, unknown>> | undefined): Key {
  const { pk, sk } = from ?? {}
  if (typeof pk !== "string" || typeof sk !== "string")
    throw validation("One of the required keys was not given")
  return { pk, sk }
}

const bySk = (a: Row, b: Row) => (String(a.sk) < String(b.sk) ? -1 : Number(String(a.sk) > String(b.sk)))

const keysOf = ({ pk, sk, active }: Row, index: string | undefined) => ({ pk, sk, ...(index && { active }) })
