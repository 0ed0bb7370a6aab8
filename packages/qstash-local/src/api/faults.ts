import type { Account } from "../engine/account.ts"
import { deliveryFaults, type FaultKind, type FaultSubject, publishFaults } from "../engine/faults.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { badRequest } from "../http/problem.ts"
import { isRecord, parseJson } from "../http/query.ts"

const kinds: readonly FaultKind[] = [...deliveryFaults, ...publishFaults]

/** `GET /local/faults`: the switches that are on. For ever is -1, since JSON has no infinity. */
export const listFaults = ({ faults }: Account): Reply => ({
  status: 200,
  body: faults.list().map((fault) => ({ ...fault, left: Number.isFinite(fault.left) ? fault.left : -1 })),
})

/** `DELETE /local/faults`: all off. */
export function clearFaults({ faults }: Account): Reply {
  faults.clear()
  return { status: 200 }
}

/**
 * `POST /local/faults` with `{kind, times?, delayMs?, match?}`; `times` -1 is for ever; `match` compares `url`, `label`,
 * `queueName`, `flowControlKey` and `messageId` exactly, and `urlContains` in part.
 */
export function armFault({ faults }: Account, call: Call): Reply {
  const wanted = parseJson(call.body)
  if (!isRecord(wanted)) throw badRequest("invalid fault: the body must be a JSON object")
  const kind = kinds.find((each) => each === wanted.kind)
  if (!kind) throw badRequest(`unknown fault ${wanted.kind}; there are ${kinds.join(", ")}`)
  const { times = 1, delayMs, match = {} } = wanted
  if (typeof times !== "number" || !Number.isInteger(times) || times < -1 || times === 0)
    throw badRequest("invalid times: use a positive number, or -1 for ever")
  if (delayMs !== undefined && !(typeof delayMs === "number" && delayMs >= 0))
    throw badRequest("invalid delayMs")
  faults.arm(kind, {
    times: times === -1 ? Number.POSITIVE_INFINITY : times,
    ...(delayMs !== undefined && { delayMs }),
    when: matching(match),
  })
  return { status: 201 }
}

function matching(match: unknown): (subject: FaultSubject) => boolean {
  if (!isRecord(match)) throw badRequest("invalid match: it must be an object")
  const tests = Object.entries(match).map(([name, value]) => {
    const test = Object.hasOwn(matches, name) ? matches[name] : undefined
    if (!test || typeof value !== "string") throw badRequest(`invalid match: ${name}`)
    return (subject: FaultSubject) => test(subject, value)
  })
  return (subject) => tests.every((test) => test(subject))
}

const matches: Readonly<Record<string, (subject: FaultSubject, value: string) => boolean>> = {
  url: ({ url }, value) => url === value,
  urlContains: ({ url }, value) => url.includes(value),
  label: ({ labels }, value) => labels.includes(value),
  queueName: ({ queueName }, value) => queueName === value,
  flowControlKey: ({ flowKey }, value) => flowKey === value,
  messageId: ({ id }, value) => id === value,
}
