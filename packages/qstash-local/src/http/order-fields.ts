import { compile } from "../delivery/expression.ts"
import type { Plan } from "../engine/plans.ts"
import { parseHeaderDuration } from "../time/duration.ts"
import { type Fields, first, invalidField } from "./headers.ts"
import { badRequest, overLimit } from "./problem.ts"

// Readers of single headers. Each refuses what it cannot read.

export function invalid(name: string, why: string): never {
  throw badRequest(`invalid ${name} header: ${why}`)
}

export const isTrue = (fields: Fields, name: string) => first(fields, name)?.toLowerCase() === "true"

export function method(fields: Fields, name: string): string | undefined {
  const value = first(fields, name)?.toUpperCase()
  if (value !== undefined && !/^(GET|POST|PUT|PATCH|DELETE)$/.test(value))
    invalid(name, `unknown method ${value}`)
  return value
}

export function retries(fields: Fields, name: string, plan: Plan): number | undefined {
  const text = first(fields, name)
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) return invalid(name, `${text} is not a number of retries`)
  if (Number(text) > plan.maxRetries)
    throw overLimit(`quota maxRetries exceeded: ${text} > ${plan.maxRetries}`)
  return Number(text)
}

export function expression(fields: Fields, name: string): string | undefined {
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

export function timeout(fields: Fields, name: string, plan: Plan): number | undefined {
  const ms = duration(fields, name)
  if (ms !== undefined && ms > plan.maxResponseMs)
    throw overLimit(`quota maxTimeout exceeded: ${ms / 1000}s > ${plan.maxResponseMs / 1000}s`)
  return ms === 0 ? undefined : ms
}

export function delay(fields: Fields, plan: Plan): number | undefined {
  const ms = duration(fields, "Upstash-Delay")
  if (ms !== undefined && ms > plan.maxDelayMs)
    throw overLimit(`quota maxDelay exceeded: ${ms / 1000}s > ${plan.maxDelayMs / 1000}s`)
  return ms
}

export function notBefore(fields: Fields, plan: Plan, now: number): number | undefined {
  const text = first(fields, "Upstash-Not-Before")
  if (text === undefined) return undefined
  if (!/^\d{1,12}$/.test(text)) return invalid("Upstash-Not-Before", `${text} is not a unix time in seconds`)
  const at = Number(text) * 1000
  if (at - now > plan.maxDelayMs) throw overLimit(`quota maxDelay exceeded: not before ${text}`)
  return at
}

/** Refuses what could not be sent over HTTP/1.1. */
export function sendable(fields: Fields, prefix: string): Fields {
  for (const [name, values] of Object.entries(fields))
    for (const value of values) {
      const problem = invalidField(name, value)
      if (problem) throw badRequest(`${problem}${prefix && ` (${prefix})`}`)
    }
  return fields
}
