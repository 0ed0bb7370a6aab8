import { found, nameOf, type Operand, operand, type Reader, readerOf, type Scope } from "./expression.ts"
import { isMap, type Row, type Value } from "./values.ts"

type Path = Extract<Operand, { kind: "path" }>
type Assignment = { readonly path: Path; readonly left: Operand; readonly plus?: Operand }
export type UpdateExpression = { readonly sets: readonly Assignment[]; readonly removes: readonly Path[] }

const known = new Map<string, UpdateExpression>()

/** `SET a = b, c = d + e REMOVE f, g`: all that db/*.ts writes. */
export function parseUpdate(text: string): UpdateExpression {
  const before = known.get(text)
  if (before) return before
  const [, sets = "", removes = ""] = /^(?:SET (.*?))?\s*(?:REMOVE (.*))?$/s.exec(text) ?? []
  const parsed = {
    sets: sets ? list(readerOf(sets), assignment) : [],
    removes: removes ? list(readerOf(removes), path) : [],
  }
  if (parsed.sets.length + parsed.removes.length === 0)
    throw new Error(`The engine does not update by: ${text}`)
  known.set(text, parsed)
  return parsed
}

function list<T>(reader: Reader, each: (reader: Reader) => T): readonly T[] {
  const found = [each(reader)]
  while (reader.peek() === ",") {
    reader.take()
    found.push(each(reader))
  }
  if (reader.peek() !== undefined) throw new Error(`The engine does not know ${reader.peek()} in an update.`)
  return found
}

function assignment(reader: Reader): Assignment {
  const target = path(reader)
  reader.take("=")
  const left = operand(reader)
  if (reader.peek() !== "+") return { path: target, left }
  reader.take()
  return { path: target, left, plus: operand(reader) }
}

function path(reader: Reader): Path {
  const found = operand(reader)
  if (found.kind !== "path") throw new Error("The engine assigns to names only.")
  return found
}

/** Why DynamoDB would not run this at all: a path that is another's beginning, or a key. */
export function invalid({ sets, removes }: UpdateExpression, scope: Scope): string | undefined {
  const paths = [...sets.map((each) => each.path), ...removes].map(({ names }) =>
    names.map((alias) => nameOf(alias, scope)).join("."),
  )
  if (paths.some((each) => each === "pk" || each === "sk")) return "This attribute is part of the key"
  const overlap = paths.some((a, i) => paths.some((b, j) => i !== j && (a === b || b.startsWith(`${a}.`))))
  return overlap ? "Two document paths overlap with each other" : undefined
}

/** The row after the update; all is read from the row before. A string: why it can't be done. */
export function updated(expression: UpdateExpression, row: Row, scope: Scope): Row | string {
  let result = { ...row }
  for (const { path, left, plus } of expression.sets) {
    const sum = added(left, plus, row, scope)
    if ("problem" in sum) return sum.problem
    const names = path.names.map((alias) => nameOf(alias, scope))
    const changed = assigned(result, names, sum.value)
    if (!changed) return "The document path provided in the update expression is invalid for update"
    result = changed
  }
  for (const { names } of expression.removes) {
    if (names.length > 1) throw new Error("The engine removes whole attributes only.")
    delete result[nameOf(names[0] ?? "", scope)]
  }
  return result
}

type Sum = { readonly value: Value } | { readonly problem: string }

function added(left: Operand, plus: Operand | undefined, row: Row, scope: Scope): Sum {
  const a = found(left, row, scope)
  const b = plus === undefined ? 0 : found(plus, row, scope)
  if (a === undefined || b === undefined)
    return { problem: "The provided expression refers to an attribute that does not exist in the item" }
  if (plus === undefined) return { value: a }
  if (typeof a !== "number" || typeof b !== "number")
    return { problem: "An operand in the update expression has an incorrect data type" }
  return { value: a + b }
}

type Fields = Readonly<Record<string, Value>>

function assigned(row: Fields, names: readonly string[], value: Value): Record<string, Value> | undefined {
  const [name = "", ...rest] = names
  if (rest.length === 0) return { ...row, [name]: value }
  const inner = row[name]
  const changed = isFields(inner) ? assigned(inner, rest, value) : undefined
  return changed && { ...row, [name]: changed }
}

const isFields = (value: Value | undefined): value is Fields => isMap(value)
