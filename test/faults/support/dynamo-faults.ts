import type { Act, Asked, Reply } from "./proxy.ts"

/** What DynamoDB is asked for: `GetItem`, `TransactWriteItems` … */
export const operationOf = ({ headers }: Asked): string =>
  String(headers["x-amz-target"] ?? "").replace(/^.*\./, "")
export const asks =
  (...operations: readonly string[]) =>
  (asked: Asked) =>
    operations.includes(operationOf(asked))
export const isWrite = asks("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")

/** An error as DynamoDB writes it (Amazon DynamoDB Developer Guide: Error handling). */
export function refusalOf(type: string, status = 400, more: object = {}): Reply {
  const space = /Throttling|AccessDenied/.test(type)
    ? "com.amazon.coral.service"
    : "com.amazonaws.dynamodb.v20120810"
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.0" },
    body: Buffer.from(JSON.stringify({ __type: `${space}#${type}`, message: `Injected: ${type}.`, ...more })),
  }
}

type Keyed = { readonly pk?: { readonly S: string }; readonly sk?: { readonly S: string } }
type Step = { readonly Key?: Keyed; readonly Item?: Keyed }
type Write = Step & { readonly TransactItems?: readonly Readonly<Record<string, Step>>[] }

/** How long AWS was seen to hold a transaction's rows, in ms. */
const holding = 15

/**
 * Conflicts as AWS has them and no emulator does: a transaction holds its rows for a moment, and whoever else writes one of
 * them meanwhile is refused, a transaction with its reasons, a single write with an error of its own.
 */
export function conflicts() {
  const held = new Map<string, number>()
  let refused = 0
  const act: Act = async (asked, forward) => {
    const { TransactItems, ...single }: Write = JSON.parse(asked.body.toString())
    const steps = TransactItems?.flatMap((each) => Object.values(each)) ?? [single]
    const rows = steps.map(({ Key, Item }) => `${(Key ?? Item)?.pk?.S} ${(Key ?? Item)?.sk?.S}`)
    const isHeld = rows.map((row) => (held.get(row) ?? 0) > performance.now())
    if (isHeld.includes(true)) {
      refused += 1
      const reasons = isHeld.map((it) => ({ Code: it ? "TransactionConflict" : "None" }))
      return TransactItems
        ? refusalOf("TransactionCanceledException", 400, { CancellationReasons: reasons })
        : refusalOf("TransactionConflictException")
    }
    if (TransactItems) for (const row of rows) held.set(row, performance.now() + holding)
    return forward()
  }
  return { act, refused: () => refused }
}
