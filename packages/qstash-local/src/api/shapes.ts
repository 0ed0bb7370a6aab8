import type { Account } from "../engine/account.ts"
import type { CallbackOptions, DeadLetter, FlowConfig, Message } from "../engine/message.ts"
import { shownBody, shownHeaders } from "../engine/redact.ts"

/** A body as JSON shows it: text when it is UTF-8, Base64 when not. */
export function bodyFields<Name extends string>(name: Name, body: Buffer): Record<string, string> {
  const text = body.toString("utf8")
  if (Buffer.from(text).equals(body)) return { [name]: text }
  return { [`${name}Base64`]: body.toString("base64") }
}

/** What is set of flow control; a period (whole seconds) goes with a rate. */
export const flowFields = (key: string | undefined, flow: FlowConfig | undefined) => ({
  flowControlKey: key,
  parallelism: flow?.parallelism,
  rate: flow?.rate,
  period: flow && Math.round(flow.periodMs / 1000),
})

export const callbackHeader = (callback: CallbackOptions | undefined) =>
  callback && Object.keys(callback.headers).length > 0 ? callback.headers : undefined

/** A message in answers. Absent values are left out, as JSON leaves out undefined. */
export function messageShape({ flows }: Pick<Account, "flows">, message: Message) {
  const { redaction, flowKey } = message
  return {
    messageId: message.id,
    url: message.url,
    method: message.method,
    header: shownHeaders(message.headers, redaction),
    ...bodyFields("body", shownBody(message.body, redaction)),
    maxRetries: message.maxRetries,
    retryDelayExpression: message.retryDelay,
    notBefore: message.notBefore,
    createdAt: message.createdAt,
    callback: message.callback?.url,
    failureCallback: message.failureCallback?.url,
    callbackHeader: callbackHeader(message.callback),
    failureCallbackHeader: callbackHeader(message.failureCallback),
    queueName: message.queueName,
    scheduleId: message.scheduleId,
    topicName: message.topicName,
    endpointName: message.endpointName,
    callerIP: message.callerIp,
    ...(flowKey !== undefined && flowFields(flowKey, message.flow ?? flows.limits(flowKey))),
    label: message.labels[0],
    labels: message.labels.length > 0 ? message.labels : undefined,
  }
}

export const letterShape = (account: Pick<Account, "flows">, { dlqId, message, answer }: DeadLetter) => ({
  ...messageShape(account, message),
  dlqId,
  responseStatus: answer.status || undefined,
  responseHeader: answer.error === undefined ? answer.headers : undefined,
  ...bodyFields("responseBody", answer.error === undefined ? answer.body : Buffer.from(answer.error)),
})
