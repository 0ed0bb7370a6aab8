import type { Account } from "./account.ts"
import { newId } from "./ids.ts"
import type { Answer, CallbackOptions, Message } from "./message.ts"
import { accept } from "./publish.ts"

/**
 * After an attempt: tells the callback, and on the last failure the failure callback, too.
 * Callbacks are messages of their own. Source: Upstash docs, QStash > Features > Callbacks.
 */
export function callBack(account: Account, message: Message, answer: Answer, dlqId?: string) {
  if (message.callback) send(account, message, message.callback, report(message, answer))
  if (dlqId !== undefined && message.failureCallback)
    send(account, message, message.failureCallback, { ...report(message, answer), dlqId })
}

function send(account: Account, source: Message, options: CallbackOptions, body: unknown) {
  const now = account.clock.now()
  const queue = source.queueName ?? source.holds?.queue
  const callback: Message = {
    id: newId("msg", now),
    url: options.url,
    method: options.method,
    headers: { "Content-Type": ["application/json"], ...options.headers },
    body: Buffer.from(JSON.stringify(body)),
    maxRetries: options.retries ?? source.maxRetries,
    retryDelay: options.retryDelay,
    timeoutMs: options.timeoutMs,
    labels: [],
    // It holds what its source holds, and shows no more of it.
    redaction: source.redaction,
    callerIp: source.callerIp,
    createdAt: now,
    notBefore: now,
    retried: 0,
    ...(queue !== undefined && { holds: { queue, source: source.holds?.source ?? source.id } }),
  }
  accept(account, callback)
  account.counters.count("callbacks")
  account.dispatcher.submit(callback)
}

const report = (message: Message, answer: Answer) => ({
  status: answer.status,
  header: answer.headers,
  body: (answer.error === undefined ? answer.body : Buffer.from(answer.error)).toString("base64"),
  retried: message.retried,
  maxRetries: message.maxRetries,
  sourceMessageId: message.id,
  topicName: message.topicName,
  endpointName: message.endpointName,
  url: message.url,
  method: message.method,
  sourceHeader: message.headers,
  sourceBody: message.body.toString("base64"),
  notBefore: message.notBefore,
  createdAt: message.createdAt,
  scheduleId: message.scheduleId,
  callerIP: message.callerIp,
})
