import { compile } from "../delivery/expression.ts"
import type { CallbackOptions, FlowConfig, Order } from "../engine/message.ts"
import type { Plan } from "../engine/plans.ts"
import { parseRedaction } from "../engine/redact.ts"
import { parseHeaderDuration } from "../time/duration.ts"
import { parseUrl } from "./destination.ts"
import { type Fields, first, invalidField, passable, withoutPrefix } from "./headers.ts"
import { badRequest, isRefusal, overLimit, type Refusal } from "./problem.ts"

const defaultRetries = 3
const weekMs = 7 * 86_400_000

/** Reads the headers of a publish, canonical names, into an order, or says what is wrong with them. */
export function parseOrder(fields: Fields, body: Buffer, plan: Plan, callerIp: string): Order | Refusal {
  if (body.length > plan.maxMessageBytes)
    return overLimit(`quota maxMessageSize exceeded: ${body.length} > ${plan.maxMessageBytes} bytes`)
  try {
    return {
      method: method(fields, "Upstash-Method") ?? "POST",
      headers: forwarded(fields),
      body,
      maxRetries: retries(fields, "Upstash-Retries", plan) ?? defaultRetries,
      retryDelay: expression(fields, "Upstash-Retry-Delay"),
      timeoutMs: timeout(fields, "Upstash-Timeout", plan),
      notBefore: notBefore(fields),
      delayMs: delay(fields, plan),
      callback: callback(fields, "Upstash-Callback", plan),
      failureCallback: callback(fields, "Upstash-Failure-Callback", plan),
      flowKey: flowKey(fields),
      flow: flow(fields, plan),
      labels: labels(fields),
      redaction: redaction(fields),
      deduplicationId: deduplicationId(fields),
      contentDeduplication: isTrue(fields, "Upstash-Content-Based-Deduplication"),
      callerIp,
    }
  } catch (problem) {
    if (isRefusal(problem)) return problem
    throw problem
  }
}

const isTrue = (fields: Fields, name: string) => first(fields, name)?.toLowerCase() === "true"

function invalid(name: string, why: string): never {
  throw badRequest(`invalid ${name} header: ${why}`)
}

function method(fields: Fields, name: string): string | undefined {
  const value = first(fields, name)?.toUpperCase()
  if (value !== undefined && !/^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$/.test(value))
    invalid(name, `unknown method ${value}`)
  return value
}

/** Headers for the destination: `Upstash-Forward-*`, the content type, and with Header-Forward all others. */
function forwarded(fields: Fields): Fields {
  const others = isTrue(fields, "Upstash-Header-Forward")
    ? Object.entries(fields).filter(([name]) => !name.startsWith("Upstash-") && name !== "Authorization")
    : []
  const type = fields["Content-Type"]
  const all = passable({
    ...Object.fromEntries(others),
    ...(type && { "Content-Type": type }),
    ...withoutPrefix(fields, "Upstash-Forward-"),
  })
  for (const [name, values] of Object.entries(all))
    for (const value of values) {
      const problem = invalidField(name, value)
      if (problem) throw badRequest(problem)
    }
  return all
}

function retries(fields: Fields, name: string, plan: Plan): number | undefined {
  const text = first(fields, name)
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text)) return invalid(name, `${text} is not a number of retries`)
  if (Number(text) > plan.maxRetries)
    throw overLimit(`quota maxRetries exceeded: ${text} > ${plan.maxRetries}`)
  return Number(text)
}

function expression(fields: Fields, name: string): string | undefined {
  const text = first(fields, name)
  if (text === undefined) return undefined
  try {
    compile(text)
    return text
  } catch (error) {
    return invalid(name, error instanceof Error ? error.message : String(error))
  }
}

function duration(fields: Fields, name: string): number | undefined {
  const text = first(fields, name)
  if (text === undefined) return undefined
  return (
    parseHeaderDuration(text) ??
    invalid(name, `${JSON.stringify(text)} is not a duration such as 10s, 5m or 1d2h`)
  )
}

function timeout(fields: Fields, name: string, plan: Plan): number | undefined {
  const ms = duration(fields, name)
  if (ms !== undefined && ms > plan.maxResponseMs)
    throw overLimit(`quota maxTimeout exceeded: ${ms / 1000}s > ${plan.maxResponseMs / 1000}s`)
  return ms === 0 ? undefined : ms
}

function delay(fields: Fields, plan: Plan): number | undefined {
  const ms = duration(fields, "Upstash-Delay")
  if (ms !== undefined && ms > plan.maxDelayMs)
    throw overLimit(`quota maxDelay exceeded: ${ms / 1000}s > ${plan.maxDelayMs / 1000}s`)
  return ms
}

function notBefore(fields: Fields): number | undefined {
  const text = first(fields, "Upstash-Not-Before")
  if (text === undefined) return undefined
  return /^\d{1,13}$/.test(text)
    ? Number(text) * 1000
    : invalid("Upstash-Not-Before", `${text} is not a unix time in seconds`)
}

function callback(fields: Fields, name: string, plan: Plan): CallbackOptions | undefined {
  const text = first(fields, name)
  if (text === undefined) return undefined
  const url = parseUrl(text)
  if (isRefusal(url)) throw badRequest(`invalid ${name} header: ${url.error}`)
  // Source: Upstash changelog, March 2025: delayed callbacks are refused when they are published.
  if (first(fields, `${name}-Delay`) !== undefined || first(fields, `${name}-Not-Before`) !== undefined)
    invalid(`${name}-Delay`, "callbacks cannot be delayed")
  const headers = passable(withoutPrefix(fields, `${name}-Forward-`))
  for (const [key, values] of Object.entries(headers))
    for (const value of values)
      if (invalidField(key, value)) throw badRequest(`invalid header ${name}-Forward-${key}`)
  return {
    url,
    method: method(fields, `${name}-Method`) ?? "POST",
    headers,
    retries: retries(fields, `${name}-Retries`, plan),
    retryDelay: expression(fields, `${name}-Retry-Delay`),
    timeoutMs: timeout(fields, `${name}-Timeout`, plan),
  }
}

function flowKey(fields: Fields): string | undefined {
  const key = first(fields, "Upstash-Flow-Control-Key")
  if (key === undefined)
    return first(fields, "Upstash-Flow-Control-Value") === undefined
      ? undefined
      : invalid("Upstash-Flow-Control-Key", "it is missing")
  return key === "" || key.length > 512
    ? invalid("Upstash-Flow-Control-Key", "it must have 1 to 512 characters")
    : key
}

function flow(fields: Fields, plan: Plan): FlowConfig | undefined {
  const name = "Upstash-Flow-Control-Value"
  if (first(fields, "Upstash-Flow-Control-Key") === undefined) return undefined
  const text = first(fields, name) ?? invalid(name, "it is missing")
  const parsed = parseFlow(text)
  if (typeof parsed === "string") return invalid(name, parsed)
  if (parsed.parallelism !== undefined && parsed.parallelism > plan.globalParallelism && plan.name === "free")
    throw overLimit(`quota maxParallelism exceeded: ${parsed.parallelism} > ${plan.globalParallelism}`)
  return parsed
}

/** Reads `parallelism=3, rate=5, period=1m`; a string says what is wrong. `ratePerSecond` is an older name of rate. */
export function parseFlow(text: string): FlowConfig | string {
  const parts = text.split(",").map((part) =>
    part
      .trim()
      .split("=")
      .map((side) => side.trim()),
  )
  let config: { parallelism?: number; rate?: number; periodMs: number } = { periodMs: 1000 }
  for (const [name = "", value = "", ...rest] of parts) {
    if (rest.length > 0) return `cannot read ${name}`
    if (name === "period") {
      const ms = parseHeaderDuration(/^\d+$/.test(value) ? `${value}s` : value)
      if (ms === undefined || ms < 1000 || ms > weekMs) return "period must be a duration from 1s to 7d"
      config = { ...config, periodMs: ms }
      continue
    }
    const key = name === "ratePerSecond" ? "rate" : name
    if (key !== "parallelism" && key !== "rate") return `unknown field ${JSON.stringify(name)}`
    if (!/^[1-9]\d{0,8}$/.test(value)) return `${name} must be a positive number`
    config = { ...config, [key]: Number(value) }
  }
  return config.parallelism === undefined && config.rate === undefined
    ? "parallelism or rate is required"
    : config
}

function labels(fields: Fields): string[] {
  const all = (fields["Upstash-Label"] ?? []).flatMap((value) => value.split(","))
  return all.map((label) => label.trim()).filter((label) => label !== "")
}

function redaction(fields: Fields) {
  const text = first(fields, "Upstash-Redact-Fields")
  return text === undefined
    ? undefined
    : (parseRedaction(text) ?? invalid("Upstash-Redact-Fields", "use body, header or header[Name]"))
}

function deduplicationId(fields: Fields): string | undefined {
  const id = first(fields, "Upstash-Deduplication-Id")
  if (id?.includes(":")) throw badRequest("DeduplicationId cannot contain ':'")
  return id === "" ? undefined : id
}
