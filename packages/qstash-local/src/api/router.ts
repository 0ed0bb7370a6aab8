import type { Account } from "../engine/account.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { notFound, type Refusal, refuse } from "../http/problem.ts"
import { getLetter, listLetters } from "./dlq.ts"
import { getKeys, rotateKeys } from "./keys.ts"
import { getMessage } from "./messages.ts"
import { batch, enqueue, publishOne } from "./publish.ts"

type Answering = (
  account: Account,
  call: Call,
  ...names: string[]
) => Reply | Refusal | Promise<Reply | Refusal>

/** `{name}` is one segment, `{rest}` is all that remains, slashes and all. */
const routes: readonly (readonly [string, Answering])[] = [
  ["POST /v2/publish/{rest}", publishOne],
  ["POST /v2/enqueue/{rest}", enqueue],
  ["POST /v2/batch", batch],
  ["GET /v2/messages/{id}", (account, _, id = "") => getMessage(account, id)],
  ["GET /v2/dlq", (account) => listLetters(account)],
  ["GET /v2/dlq/{id}", (account, _, id = "") => getLetter(account, id)],
  ["GET /v2/keys", (account) => getKeys(account)],
  ["POST /v2/keys/rotate", (account) => rotateKeys(account)],
]

const compiled = routes.map(([route, answer]) => {
  const [method = "", path = ""] = route.split(" ")
  const pattern = path
    .replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&")
    .replace("{rest}", "(.*)")
    .replaceAll(/\{\w+\}/g, "([^/]+)")
  return { method, pattern: new RegExp(`^${pattern}$`, "s"), answer }
})

/** Finds who answers a call, and lets them. */
export async function route(account: Account, call: Call): Promise<Reply | Refusal> {
  let known = false
  for (const { method, pattern, answer } of compiled) {
    const match = pattern.exec(call.target.path)
    if (!match) continue
    known = true
    if (method === call.method) return answer(account, call, ...match.slice(1))
  }
  return known ? refuse(405, "method not allowed") : notFound(`path ${call.target.path}`)
}
