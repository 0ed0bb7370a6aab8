import "../model/sim/environment.ts"
import { TransactionCanceledException } from "@aws-sdk/client-dynamodb"
import { expect, test } from "vitest"
import { judge } from "../../packages/functions/src/db/refusal.ts"
import { images, stage } from "./stage.ts"

const cancelled = (...codes: readonly string[]) =>
  new TransactionCanceledException({
    message: "Transaction cancelled",
    $metadata: {},
    CancellationReasons: codes.map((Code) => ({ Code })),
  })

test("trap 13: of a cancelled transaction only a failed condition is an answer", () => {
  expect(judge(cancelled("None", "ConditionalCheckFailed"))).toMatchObject({ refused: true })
  expect(judge(cancelled("ConditionalCheckFailed", "TransactionConflict"))).toMatchObject({ refused: true })
})

test("trap 13: conflicts and throttles are worth repeating", () => {
  expect(judge(cancelled("TransactionConflict", "None"))).toBe("again")
  expect(judge(cancelled("ThrottlingError", "TransactionConflict"))).toBe("again")
})

test("trap 13: a validation error in a transaction is a mistake of ours, and surfaces", () => {
  expect(judge(cancelled("ValidationError", "None"))).toBe("mistake")
  expect(judge(cancelled("TransactionConflict", "ValidationError"))).toBe("mistake")
  expect(judge(cancelled())).toBe("mistake")
  expect(judge(new Error("ValidationException"))).toBe("mistake")
})

test("trap 13: a hand-out that meets another transaction is repeated until it is made", async () => {
  const { work, flow, row, sim } = await stage(images("bulky", 3))
  work({ ahead: Array.from({ length: 3 }, () => ({ trouble: "conflict", in: 0, on: /^TransactWrite/ })) })
  await flow(() => row().status === "completed")
  expect(sim.tally.accepted("table: conflict")).toBe(3)
  expect(sim.tally.accepted("delivery: failed")).toBe(0)
  expect(sim.broken).toEqual([])
})
