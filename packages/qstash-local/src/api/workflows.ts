import type { Account } from "../engine/account.ts"
import { cancel } from "../engine/cancel.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { notFound } from "../http/problem.ts"
import { parseQuery } from "../http/query.ts"

/** `DELETE /v2/workflows/runs/{id}`: cancels the messages of a run, which bear its id in a header. */
export async function cancelRun(account: Account, call: Call, id = ""): Promise<Reply> {
  parseQuery(call, ["cancel"])
  const messages = [...account.state.messages.values()]
  const own = messages.filter(({ headers }) => headers["Upstash-Workflow-Runid"]?.includes(id))
  if (own.length === 0) throw notFound(`workflow run ${id}`)
  for (const message of own) cancel(account, message)
  await account.state.commit()
  return { status: 200, body: { cancelled: own.length } }
}
