import type { Account } from "../engine/account.ts"
import type { Reply } from "../http/exchange.ts"
import { notFound, type Refusal } from "../http/problem.ts"
import { letterShape } from "./shapes.ts"

/** `GET /v2/dlq`: newest first. */
export function listLetters(account: Account): Reply {
  const letters = [...account.state.letters.values()].reverse().slice(0, 100)
  return { status: 200, body: { messages: letters.map((letter) => letterShape(account, letter)) } }
}

/** `GET /v2/dlq/{dlqId}` */
export function getLetter(account: Account, dlqId: string): Reply | Refusal {
  const letter = account.state.letters.get(dlqId)
  return letter ? { status: 200, body: letterShape(account, letter) } : notFound(`dlq message ${dlqId}`)
}
