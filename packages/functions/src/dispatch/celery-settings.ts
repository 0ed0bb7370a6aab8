import { setting, wrong } from "../settings.ts"
import { type Broker, parseBroker } from "./celery-broker.ts"

/** A key that signs must be as long as what it makes (RFC 7518, 3.2: HS256). */
const keyLength = 32

/** CELERY_BROKER_URL; `undefined` without one. Fault `unavailable settings.invalid`. */
export function celeryBroker(): Broker | undefined {
  const url = setting("CELERY_BROKER_URL")
  return url ? parseBroker(url) : undefined
}

/** CELERY_QUEUE, by default `imgmigrator`. Fault `unavailable settings.invalid`. */
export function celeryQueue(): string {
  const queue = setting("CELERY_QUEUE") ?? "imgmigrator"
  if (/^[\w.-]{1,128}$/.test(queue)) return queue
  throw wrong("CELERY_QUEUE may have up to 128 letters, digits, dots, hyphens and underscores.")
}

/** CELERY_SIGNING_KEY: what the Celery workers sign deliveries with. */
export function celerySigningKey(): string | undefined {
  const key = setting("CELERY_SIGNING_KEY")
  if (key && key.length < keyLength)
    throw wrong(
      `CELERY_SIGNING_KEY is shorter than ${keyLength} characters. Make one with: openssl rand -base64 36`,
    )
  return key
}
