import { Fault } from "@imgmigrator/core/fault"
import { scrub } from "../log.ts"
import { type Broker, brokerNames } from "./celery-broker.ts"

const minutes = (n: number) => n * 60_000

/** Broker's words, and what they mean. Redis's errors begin with a code, RabbitMQ's hold the name of one. */
const meanings: readonly (readonly [words: RegExp, code: string, sentence: string, retryAfterMs: number])[] =
  [
    [
      /^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)|ACCESS[_-]REFUSED/i,
      "unauthorized",
      "the user or the password in CELERY_BROKER_URL is wrong",
      minutes(10),
    ],
    [
      /^NOPERM/,
      "refused",
      "its user may not do what is needed (EVAL, LPUSH, SADD, SET, EXISTS)",
      minutes(10),
    ],
    [/^(OOM|MISCONF)/, "full", "it has no room, or can't write to its disk", minutes(1)],
    [/^(LOADING|READONLY|MASTERDOWN|BUSY|CLUSTERDOWN)/, "failed", "it is not ready", minutes(1)],
    [
      /^WRONGTYPE/,
      "refused",
      "CELERY_QUEUE is the name of something else in that Redis database",
      minutes(10),
    ],
    // amqplib 2.3 drops what RabbitMQ says when it refuses to open a vhost.
    [
      /NOT[_-]ALLOWED|Expected ConnectionOpenOk/i,
      "refused",
      "its user may not use the vhost in CELERY_BROKER_URL",
      minutes(10),
    ],
    [/PRECONDITION[_-]FAILED/i, "refused", "CELERY_QUEUE exists there with other properties", minutes(10)],
    [
      /ENOTFOUND|EAI_AGAIN/,
      "unreachable",
      "it could not be reached: its name in CELERY_BROKER_URL is not known",
      minutes(1),
    ],
    [
      /certificate|SSL|TLS/,
      "unreachable",
      "it could not be reached: its certificate or TLS settings are wrong",
      minutes(10),
    ],
    [/^(ERR|-ERR) /, "refused", "it refused the message", minutes(10)],
  ]

/**
 * Why a broker did not take a message, and when to ask again: always a Fault `unavailable dispatch.*`, since the
 * migration is recorded and only has to wait. No address, no password in it.
 */
export function brokerRefusal(error: unknown, broker: Broker["kind"]): Fault {
  if (error instanceof Fault) return error
  const words = error instanceof Error ? wordsOf(error) : String(error)
  const [, code, sentence, retryAfterMs] = meanings.find(([pattern]) => pattern.test(words)) ?? [
    undefined,
    "unreachable",
    "it could not be reached, or hung up",
    minutes(1),
  ]
  const said = code === "refused" ? ` It says: ${scrub(words).slice(0, 200)}` : ""
  return new Fault(
    "unavailable",
    `dispatch.${code}`,
    `${brokerNames[broker]} did not take the message: ${sentence}.${said}`,
    {
      cause: error,
      scope: "store",
      retryAfterMs,
    },
  )
}

/** An AggregateError (a name with several addresses) has no words of its own. */
function wordsOf(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors.map(String).join(" ") : ""
  const code = "code" in error ? ` ${String(error.code)}` : ""
  return `${error.message}${code} ${inner}`.trim()
}
