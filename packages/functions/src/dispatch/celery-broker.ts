import { wrong } from "../settings.ts"

/** Of the address's query: what kombu reads too. Paths are files of PEM, on this machine. */
export type BrokerTls = {
  /** False only where the address says `ssl_cert_reqs=none`. */
  readonly verify: boolean
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

type Address = {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly tls?: BrokerTls
}

export type Broker =
  | (Address & { readonly kind: "redis"; readonly database: number })
  | (Address & { readonly kind: "rabbitmq"; readonly vhost: string })

export const brokerNames = { redis: "Redis", rabbitmq: "RabbitMQ" } as const

const schemes = {
  "redis:": { kind: "redis", port: 6379, tls: false },
  "rediss:": { kind: "redis", port: 6379, tls: true },
  "amqp:": { kind: "rabbitmq", port: 5672, tls: false },
  "amqps:": { kind: "rabbitmq", port: 5671, tls: true },
} as const

/**
 * CELERY_BROKER_URL, read as Celery reads it (kombu docs: Connection > URLs), so that the worker's own can be copied.
 * Fault `unavailable settings.invalid` where it is none, without a word of it: a password may be in it.
 */
export function parseBroker(text: string): Broker {
  if (/;\s*\w+:\/\//.test(text))
    throw wrong("CELERY_BROKER_URL names several brokers. Give one; a cluster has one address.")
  const url = URL.canParse(text) ? new URL(text) : undefined
  const scheme = Object.entries(schemes).find(([name]) => name === url?.protocol)?.[1]
  if (!url || !scheme)
    throw wrong("CELERY_BROKER_URL is no address of a broker. Use redis://, rediss://, amqp:// or amqps://.")
  const address: Address = {
    host: url.hostname.replace(/^\[|\]$/g, "") || "localhost",
    port: Number(url.port) || scheme.port,
    ...(url.username && { username: decoded(url.username) }),
    ...(url.password && { password: decoded(url.password) }),
    ...(scheme.tls && { tls: tlsOf(url.searchParams) }),
  }
  const path = decoded(url.pathname.replace(/^\//, ""))
  if (scheme.kind === "rabbitmq") return { kind: "rabbitmq", ...address, vhost: path || "/" }
  if (!/^\d{0,4}$/.test(path))
    throw wrong("CELERY_BROKER_URL does not end in the number of a Redis database, like /0.")
  return { kind: "redis", ...address, database: Number(path) }
}

function tlsOf(query: URLSearchParams): BrokerTls {
  const text = (name: string) => query.get(name) ?? undefined
  const requirement = text("ssl_cert_reqs")
    ?.toLowerCase()
    .replace(/^cert_/, "")
  const [ca, cert, key] = [text("ssl_ca_certs"), text("ssl_certfile"), text("ssl_keyfile")]
  return { verify: requirement !== "none", ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw wrong("CELERY_BROKER_URL has a % that encodes nothing. Write it as %25.")
  }
}
