import type { Account } from "../engine/account.ts"
import { type DlqPosition, dlqPosition, expireLetters, retryLetter } from "../engine/dlq.ts"
import type { DeadLetter } from "../engine/message.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { badRequest, notFound } from "../http/problem.ts"
import { parseAmount, parseQuery, type Query, valuesOf } from "../http/query.ts"
import { dateFilters, matcher, messageFilters, order } from "./filters.ts"
import { page } from "./page.ts"
import { letterShape } from "./shapes.ts"

const parameters = [
  ...messageFilters,
  ...dateFilters,
  "messageId",
  "responseStatus",
  "dlqIds",
  "cursor",
  "count",
  "order",
]
const largestPage = 100

/** `GET /v2/dlq`: newest first unless `order=earliestFirst`. */
export function listLetters(account: Account, call: Call): Reply {
  const chosen = choose(account, call)
  return {
    status: 200,
    body: { cursor: chosen.cursor, messages: chosen.letters.map((letter) => letterShape(account, letter)) },
  }
}

/** `GET /v2/dlq/{dlqId}` */
export function getLetter(account: Account, _: Call, dlqId = ""): Reply {
  expireLetters(account)
  const letter = account.state.letters.get(dlqId)
  if (!letter) throw notFound(`dlq message ${dlqId}`)
  return { status: 200, body: letterShape(account, letter) }
}

/** `DELETE /v2/dlq/{dlqId}` */
export async function deleteLetter(account: Account, _: Call, dlqId = ""): Promise<Reply> {
  expireLetters(account)
  if (!account.state.letters.drop(dlqId)) throw notFound(`dlq message ${dlqId}`)
  await account.state.commit()
  return { status: 200 }
}

/** `DELETE /v2/dlq`: unknown ids are passed over. */
export async function deleteLetters(account: Account, call: Call): Promise<Reply> {
  const chosen = choose(account, call)
  for (const { dlqId } of chosen.letters) account.state.letters.drop(dlqId)
  await account.state.commit()
  return { status: 200, body: { cursor: chosen.cursor, deleted: chosen.letters.length } }
}

/** `POST /v2/dlq/retry/{dlqId}`: headers of the request override those of the message. */
export async function retryOne(account: Account, call: Call, dlqId = ""): Promise<Reply> {
  expireLetters(account)
  const letter = account.state.letters.get(dlqId)
  if (!letter) throw notFound(`dlq message ${dlqId}`)
  return { status: 201, body: await retryLetter(account, letter, call.fields) }
}

/** `POST /v2/dlq/retry`: the cursor is empty, not absent, at the end. */
export async function retryLetters(account: Account, call: Call): Promise<Reply> {
  const chosen = choose(account, call)
  const responses = await Promise.all(
    chosen.letters.map((letter) => retryLetter(account, letter, call.fields)),
  )
  return { status: 201, body: { cursor: chosen.cursor ?? "", responses } }
}

/** The letters that a call is about: those named, or a page of those that match. */
function choose(account: Account, call: Call): { letters: DeadLetter[]; cursor: string | undefined } {
  expireLetters(account)
  const query = parseQuery(call, parameters)
  if (query.dlqIds) return { letters: named(account, query), cursor: undefined }
  const match = matcher(query)
  const count = parseAmount(query, "count", largestPage, largestPage)
  const sign = order(query) === "earliestFirst" ? 1 : -1
  const after = query.cursor?.[0] === undefined ? undefined : dlqPosition(query.cursor[0])
  if (query.cursor && !after) throw badRequest(`invalid cursor: ${query.cursor[0]}`)
  const statuses = query.responseStatus && new Set(valuesOf(query, "responseStatus"))
  const sorted = [...account.state.letters.values()]
    .filter(
      ({ message, answer, at }) => match(message, at) && (!statuses || statuses.has(String(answer.status))),
    )
    .map((letter) => ({ letter, position: dlqPosition(letter.dlqId) ?? [0, 0] }))
    .sort((a, b) => sign * compare(a.position, b.position))
  const found = page(
    sorted,
    count,
    ({ position }) => after === undefined || sign * compare(position, after) > 0,
    ({ letter }) => letter.dlqId,
  )
  return { letters: found.items.map(({ letter }) => letter), cursor: found.cursor }
}

const named = (account: Account, query: Query) =>
  [...new Set(valuesOf(query, "dlqIds"))].flatMap((id) => account.state.letters.get(id) ?? [])

const compare = ([at, turn]: DlqPosition, [otherAt, otherTurn]: DlqPosition) =>
  at - otherAt || turn - otherTurn
