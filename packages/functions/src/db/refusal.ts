import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
  TransactionInProgressException,
} from "@aws-sdk/client-dynamodb"
import { unmarshall } from "@aws-sdk/util-dynamodb"

/** A condition did not hold: an answer, not an error. `rows` are what stood there instead, where it was asked for. */
export type Refused = {
  readonly refused: true
  readonly rows: readonly (Record<string, unknown> | undefined)[]
}

export const isRefused = (value: unknown): value is Refused =>
  typeof value === "object" && value !== null && "refused" in value

const passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]

type Verdict = Refused | "again" | "mistake"

/**
 * Tells a failed condition from a conflict, a throttle and a mistake. A cancelled transaction may mean any of them:
 * one failed condition makes it an answer; only conflicts and throttles make it worth repeating; a validation
 * error in it is our own bug and must surface.
 */
export function judge(error: unknown): Verdict {
  if (error instanceof ConditionalCheckFailedException)
    return { refused: true, rows: [error.Item && unmarshall(error.Item)] }
  if (error instanceof TransactionConflictException || error instanceof TransactionInProgressException)
    return "again"
  if (!(error instanceof TransactionCanceledException)) return "mistake"
  const reasons = error.CancellationReasons ?? []
  const codes = reasons.map(({ Code }) => Code ?? "None").filter((code) => code !== "None")
  if (codes.includes("ConditionalCheckFailed"))
    return { refused: true, rows: reasons.map(({ Item }) => Item && unmarshall(Item)) }
  return codes.length > 0 && codes.every((code) => passing.includes(code)) ? "again" : "mistake"
}
