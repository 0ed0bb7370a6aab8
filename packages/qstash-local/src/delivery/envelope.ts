import type { Message } from "../engine/message.ts"
import type { Fields } from "../http/headers.ts"
import { sign } from "./signature.ts"

const region = "EU-CENTRAL-1"

/**
 * The headers of one attempt: those of the publisher and, over them, those of QStash.
 * Source: Upstash docs, QStash > How To > Receive Messages.
 */
export function envelope(message: Message, key: string, at: number): Fields {
  return {
    "User-Agent": ["Upstash-QStash"],
    ...message.headers,
    "Upstash-Message-Id": [message.id],
    "Upstash-Retried": [String(message.retried)],
    "Upstash-Signature": [sign(key, message.url, message.body, at)],
    "Upstash-Region": [region],
    "Upstash-Caller-Ip": [message.callerIp],
    ...(message.topicName && { "Upstash-Topic-Name": [message.topicName] }),
    ...(message.scheduleId && { "Upstash-Schedule-Id": [message.scheduleId] }),
  }
}
