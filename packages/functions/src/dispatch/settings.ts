import * as z from "zod"
import { isLocal, isOn, missing, setting, wrong } from "../settings.ts"
import { celeryBroker, celeryQueue, celerySigningKey } from "./celery-settings.ts"

// Public: printed in Upstash's documentation for its development server, and worth nothing anywhere else
// (Upstash docs: QStash > Local Development).
const development = {
  token: "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
  current: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
  next: "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
}
const isDevelopment = (): boolean => isLocal() && isOn("QSTASH_DEV")

/** Where and as whom to publish; `undefined` where QSTASH_TOKEN is not configured. */
export function qstash(): { readonly url: string; readonly token: string } | undefined {
  if (isDevelopment())
    return { url: `http://127.0.0.1:${setting("QSTASH_DEV_PORT") ?? 8080}`, token: development.token }
  const token = setting("QSTASH_TOKEN")
  return token ? { url: setting("QSTASH_URL") ?? "https://qstash.upstash.io", token } : undefined
}

/** The keys that deliveries may be signed with: QStash's current and next one, then the Celery workers'. */
export const signingKeys = (): readonly string[] => [...qstashKeys(), ...celeryKeys()]

/** Fault `unavailable settings.missing` where QStash delivers, or nothing else does. */
export function qstashKeys(): readonly string[] {
  if (isDevelopment()) return [development.current, development.next]
  const current = setting("QSTASH_CURRENT_SIGNING_KEY")
  const next = setting("QSTASH_NEXT_SIGNING_KEY")
  if (current) return next ? [current, next] : [current]
  if (!qstash() && setting("CELERY_BROKER_URL")) return []
  throw missing("QSTASH_CURRENT_SIGNING_KEY is not configured", where("Signing Keys"))
}

/** Fault `unavailable settings.missing` where Celery delivers and no key of QStash's is there to sign with instead. */
export function celeryKeys(): readonly string[] {
  const key = celerySigningKey()
  if (key) return [key]
  if (qstash() || !setting("CELERY_BROKER_URL") || setting("QSTASH_CURRENT_SIGNING_KEY")) return []
  throw missing(
    "CELERY_SIGNING_KEY is not configured",
    "Make one with: openssl rand -base64 36. Give the Celery workers the same.",
  )
}

const where = (what: string) => `Copy it from console.upstash.com, QStash, ${what}.`

/** What delivers messages, as the settings say: QStash where there is a token, else Celery. */
export function dispatcherSettings() {
  const account = qstash()
  if (account) return { kind: "qstash", ...account } as const
  const broker = celeryBroker()
  if (broker) return { kind: "celery", broker, queue: celeryQueue() } as const
  throw missing(
    "QSTASH_TOKEN is not configured",
    `${where("Request Builder")} CELERY_BROKER_URL is not set either.`,
  )
}

const plans = {
  free: { parallelism: 10, messagesPerDay: 1_000 },
  payg: { parallelism: 100, messagesPerDay: undefined },
  "1m": { parallelism: 200, messagesPerDay: 1_000_000 },
  "10m": { parallelism: 1_000, messagesPerDay: 10_000_000 },
}

/** QSTASH_PLAN: deliveries side by side, and messages a day, of which each attempt to deliver is one (Upstash: QStash pricing, August 2026). Default `free`. */
export function qstashPlan(): { readonly parallelism: number; readonly messagesPerDay: number | undefined } {
  const name = setting("QSTASH_PLAN")?.toLowerCase() ?? "free"
  for (const [plan, limits] of Object.entries(plans)) if (plan === name) return limits
  throw wrong(`QSTASH_PLAN is "${name}". Use one of ${Object.keys(plans).join(", ")}.`)
}

/** WORKER_CONCURRENCY: how many workers are reserved; `undefined` where none are. */
export function reservedConcurrency(): number | undefined {
  const reserved = setting("WORKER_CONCURRENCY")
  if (!reserved) return undefined
  const parsed = z.coerce.number().int().min(1).safeParse(reserved)
  if (parsed.success) return parsed.data
  throw wrong(`WORKER_CONCURRENCY is "${reserved}". Use a whole number from 1.`)
}

/** Deliveries side by side: the plan's, or the worker's reserved concurrency where that is less. */
export const deliveryParallelism = (): number =>
  Math.min(qstashPlan().parallelism, reservedConcurrency() ?? Number.POSITIVE_INFINITY)
