import type { Account } from "../engine/account.ts"
import type { Reply } from "../http/exchange.ts"
import { notFound, type Refusal } from "../http/problem.ts"
import { messageShape } from "./shapes.ts"

/** `GET /v2/messages/{id}`: until it has been delivered or given up. */
export function getMessage(account: Account, id: string): Reply | Refusal {
  const message = account.state.messages.get(id)
  return message ? { status: 200, body: messageShape(account, message) } : notFound(`message ${id}`)
}
