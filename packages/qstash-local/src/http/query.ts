import { isOurs } from "./destination.ts"
import type { Call } from "./exchange.ts"
import { badRequest } from "./problem.ts"

/** The parameters of a management call: all values by name. */
export type Query = Readonly<Record<string, readonly string[]>>

/**
 * Reads the query and, as older SDKs send it, a JSON body of the same names. A name that is not allowed is refused: a filter
 * that is overlooked would cancel or delete too much. So is an empty value.
 */
export function parseQuery(call: Call, allowed: readonly string[]): Query {
  const found: Record<string, string[]> = {}
  const body = bodyParameters(call.body)
  if (!body)
    throw badRequest("invalid request body: it must be a JSON object of strings, numbers or lists of them")
  for (const [name, value] of [...parameters(call), ...body]) {
    if (!allowed.includes(name)) throw unknown(name)
    if (value === "") throw badRequest(`query parameter ${name} is empty`)
    found[name] ??= []
    if (value !== undefined) found[name].push(value)
  }
  return found
}

/** For calls that have no parameters. */
export function refuseQuery(call: Call) {
  const [first] = parameters(call)
  if (first) throw unknown(first[0])
}

/** Without those that stand for headers. */
const parameters = ({ target }: Call) => target.query.filter(([name]) => !isOurs(name))

const unknown = (name: string) => badRequest(`unknown query parameter: ${name}`)

/** Pairs of a JSON body; an empty list is one name without a value. */
function bodyParameters(body: Buffer): [string, string | undefined][] | undefined {
  if (body.length === 0) return []
  const parsed = parseJson(body)
  if (!isRecord(parsed)) return undefined
  const pairs: [string, string | undefined][] = []
  for (const [name, value] of Object.entries(parsed)) {
    const values = Array.isArray(value) ? value : [value]
    if (values.length === 0) pairs.push([name, undefined])
    for (const each of values) {
      if (!["string", "number", "boolean"].includes(typeof each)) return undefined
      pairs.push([name, String(each)])
    }
  }
  return pairs
}

/** A whole number within bounds; larger ones are cut to `max`. */
export function parseAmount(query: Query, name: string, standard: number, max: number): number {
  const text = query[name]?.[0]
  if (text === undefined) return standard
  if (!/^\d{1,15}$/.test(text) || Number(text) < 1) throw badRequest(`invalid ${name}: ${text}`)
  return Math.min(Number(text), max)
}

/** Several values by repetition or with commas. A value with a comma in it (a URL may have one) also stands for itself. */
export const valuesOf = (query: Query, name: string): readonly string[] | undefined =>
  query[name]?.flatMap((value) => [value, ...value.split(",").map((part) => part.trim())])

/** Undefined for what is not JSON. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    return undefined
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
