import type { CallbackOptions, FlowConfig, Order } from "../engine/message.ts"
import type { Plan } from "../engine/plans.ts"
import { parseRedaction } from "../engine/redact.ts"
import { parseUrl } from "./destination.ts"
import { parseFlow } from "./flow-value.ts"
import { type Fields, first, passable, withoutPrefix } from "./headers.ts"
import {
  delay,
  expression,
  invalid,
  isTrue,
  method,
  notBefore,
  retries,
  sendable,
  timeout,
} from "./order-fields.ts"
import { badRequest, isRefusal, overLimit, refusalOr } from "./problem.ts"

const defaultRetries = 3
const longestKey = 512

export type Publisher = { readonly plan: Plan; readonly now: number; readonly callerIp: string }

/** Reads the headers of a publish, canonical names, into an order. Refuses what is wrong with them. */
export function parseOrder(fields: Fields, body: Buffer, { plan, now, callerIp }: Publisher): Order {
  if (body.length > plan.maxMessageBytes)
    throw overLimit(`quota maxMessageSize exceeded: ${body.length} > ${plan.maxMessageBytes} bytes`)
  return {
    method: method(fields, "Upstash-Method") ?? "POST",
    headers: forwarded(fields),
    body,
    maxRetries: retries(fields, "Upstash-Retries", plan) ?? defaultRetries,
    retryDelay: expression(fields, "Upstash-Retry-Delay"),
    timeoutMs: timeout(fields, "Upstash-Timeout", plan),
    notBefore: notBefore(fields, plan, now),
    delayMs: delay(fields, plan),
    callback: callback(fields, "Upstash-Callback", plan),
    failureCallback: callback(fields, "Upstash-Failure-Callback", plan),
    flowKey: flowKey(fields),
    flow: flow(fields),
    labels: labels(fields),
    redaction: redaction(fields),
    deduplicationId: deduplicationId(fields),
    contentDeduplication: isTrue(fields, "Upstash-Content-Based-Deduplication"),
    callerIp,
  }
}

/** Headers for the destination: `Upstash-Forward-*`, the content type, and with Header-Forward all others. */
function forwarded(fields: Fields): Fields {
  const others = isTrue(fields, "Upstash-Header-Forward")
    ? Object.entries(fields).filter(([name]) => !name.startsWith("Upstash-") && name !== "Authorization")
    : []
  const type = fields["Content-Type"]
  const all = {
    ...Object.fromEntries(others),
    ...(type && { "Content-Type": type }),
    ...withoutPrefix(fields, "Upstash-Forward-"),
  }
  return sendable(passable(all), "")
}

function callback(fields: Fields, name: string, plan: Plan): CallbackOptions | undefined {
  const text = first(fields, name)
  if (text === undefined) return undefined
  const url = refusalOr(() => parseUrl(text))
  if (isRefusal(url)) throw badRequest(`invalid ${name} header: ${url.error}`)
  // Source: Upstash changelog, March 2025: delayed callbacks are refused when they are published.
  if (first(fields, `${name}-Delay`) !== undefined || first(fields, `${name}-Not-Before`) !== undefined)
    invalid(`${name}-Delay`, "callbacks cannot be delayed")
  return {
    url,
    method: method(fields, `${name}-Method`) ?? "POST",
    headers: sendable(passable(withoutPrefix(fields, `${name}-Forward-`)), name),
    retries: retries(fields, `${name}-Retries`, plan),
    retryDelay: expression(fields, `${name}-Retry-Delay`),
    timeoutMs: timeout(fields, `${name}-Timeout`, plan),
  }
}

function flowKey(fields: Fields): string | undefined {
  const name = "Upstash-Flow-Control-Key"
  const key = first(fields, name)
  if (key === undefined && first(fields, "Upstash-Flow-Control-Value") !== undefined)
    return invalid(name, "it is missing")
  if (key === "" || (key?.length ?? 0) > longestKey)
    return invalid(name, `it must have 1 to ${longestKey} characters`)
  return key
}

function flow(fields: Fields): FlowConfig | undefined {
  const name = "Upstash-Flow-Control-Value"
  if (first(fields, "Upstash-Flow-Control-Key") === undefined) return undefined
  const parsed = parseFlow(first(fields, name) ?? invalid(name, "it is missing"))
  if (typeof parsed === "string") return invalid(name, parsed)
  return parsed
}

function labels(fields: Fields): string[] {
  const all = (fields["Upstash-Label"] ?? []).flatMap((value) => value.split(","))
  return [...new Set(all.map((label) => label.trim()).filter((label) => label !== ""))]
}

function redaction(fields: Fields) {
  const name = "Upstash-Redact-Fields"
  const text = first(fields, name)
  if (text === undefined) return undefined
  return parseRedaction(text) ?? invalid(name, "use body, header or header[Name]")
}

function deduplicationId(fields: Fields): string | undefined {
  const id = first(fields, "Upstash-Deduplication-Id")
  if (id?.includes(":")) throw badRequest("DeduplicationId cannot contain ':'")
  return id === "" ? undefined : id
}
