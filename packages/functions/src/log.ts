import { AsyncLocalStorage } from "node:async_hooks"
import { Console } from "node:console"
import { Logger } from "@aws-lambda-powertools/logger"

/** What a log line says beside its message: ids, counts, names. Never bodies, credentials or query strings. */
export type Fields = Readonly<Record<string, unknown>>

const context = new AsyncLocalStorage<Fields>()
let made: { readonly level: string | undefined; readonly logger: Logger } | undefined

/** JSON lines by AWS Lambda Powertools; the level is `LOG_LEVEL`, as it is when a line is written. */
export const log = {
  info: (message: string, fields: Fields = {}) => powertools().info(scrub(message), all(fields)),
  warn: (message: string, fields: Fields = {}) => powertools().warn(scrub(message), all(fields)),
  error: (message: string, fields: Fields = {}) => powertools().error(scrub(message), all(fields)),
}

/** Every line logged inside `run`, however deep, carries these fields too: the delivery's ids, said once at the door. */
export const withLogFields = <Result>(fields: Fields, run: () => Result): Result =>
  context.run({ ...context.getStore(), ...fields }, run)

/** An address loses its userinfo and query (signatures live there), an authorization its credential. */
export const scrub = (text: string): string =>
  text
    .replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"']*@/gi, "$1")
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s?#"']*)\?[^\s#"'<>]*/gi, "$1?…")
    .replaceAll(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, "$1 …")

function all(fields: Fields): Record<string, unknown> {
  const { error, ...rest } = { ...context.getStore(), ...fields }
  return error === undefined ? rest : { ...rest, failure: described(error) }
}

/** Name, code, message, stack and cause; not the other properties, in which SDKs keep requests and answers. */
function described(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) }
  const code = "code" in error ? { code: error.code } : {}
  const cause = error.cause === undefined ? {} : { cause: described(error.cause) }
  return { name: error.name, ...code, message: error.message, stack: error.stack, ...cause }
}

function powertools(): Logger {
  const level = process.env.POWERTOOLS_LOG_LEVEL ?? process.env.LOG_LEVEL
  if (made && made.level === level) return made.logger
  const logger = new Logger({
    serviceName: process.env.POWERTOOLS_SERVICE_NAME ?? "imgmigrator",
    jsonReplacerFn: (_key, value) => (typeof value === "string" ? scrub(value) : value),
  })
  // Outside Lambda stdout belongs to the command line's answer (`--json`), so lines go to stderr. Powertools has
  // no option for that, only a property that TypeScript calls private.
  if (!process.env.AWS_LAMBDA_FUNCTION_NAME)
    Reflect.set(logger, "console", new Console(process.stderr, process.stderr))
  made = { level, logger }
  return logger
}
