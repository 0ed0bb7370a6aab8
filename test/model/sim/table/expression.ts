import { isMap, type Row, same, type Value } from "./values.ts"

/** The part of DynamoDB's expressions that db/*.ts uses; anything else throws, so that nothing passes unseen. */
export type Operand =
  | { readonly kind: "path"; readonly names: readonly string[] }
  | { readonly kind: "value"; readonly name: string }
export type Condition =
  | { readonly kind: "or" | "and"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "exists"; readonly path: Operand; readonly is: boolean }
  | { readonly kind: "compare"; readonly by: string; readonly left: Operand; readonly right: Operand }
  | { readonly kind: "in"; readonly left: Operand; readonly among: readonly Operand[] }
  | { readonly kind: "between"; readonly it: Operand; readonly from: Operand; readonly to: Operand }
  | { readonly kind: "begins"; readonly it: Operand; readonly with: Operand }

/** Names and values of one request. */
export type Scope = {
  readonly names: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, Value>>
}

const token =
  /\s*(attribute_exists|attribute_not_exists|begins_with|BETWEEN|AND|OR|IN|[#:]\w+|<=|>=|[<>=(),.+])/y

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = []
  token.lastIndex = 0
  for (let at = 0; at < text.trimEnd().length; at = token.lastIndex) {
    token.lastIndex = at
    const found = token.exec(text)?.[1]
    if (found === undefined)
      throw new Error(`The engine does not know this of an expression: ${text.slice(at)}`)
    tokens.push(found)
  }
  return tokens
}

export type Reader = { peek(): string | undefined; take(expected?: string): string }

export function readerOf(text: string): Reader {
  const tokens = tokensOf(text)
  let at = 0
  return {
    peek: () => tokens[at],
    take: (expected) => {
      const found = tokens[at++]
      if (found === undefined || (expected !== undefined && found !== expected))
        throw new Error(`The engine expected ${expected} in ${text} and found ${found}.`)
      return found
    },
  }
}

export function operand(reader: Reader): Operand {
  const first = reader.take()
  if (first.startsWith(":")) return { kind: "value", name: first }
  if (!first.startsWith("#")) throw new Error(`The engine expected a name or a value, not ${first}.`)
  const names = [first]
  while (reader.peek() === ".") {
    reader.take()
    names.push(reader.take())
  }
  return { kind: "path", names }
}

const known = new Map<string, Condition>()

export function parseCondition(text: string): Condition {
  const before = known.get(text)
  if (before) return before
  const reader = readerOf(text)
  const condition = either(reader)
  if (reader.peek() !== undefined) throw new Error(`The engine does not understand all of ${text}.`)
  known.set(text, condition)
  return condition
}

function either(reader: Reader): Condition {
  let left = both(reader)
  while (reader.peek() === "OR") {
    reader.take()
    left = { kind: "or", left, right: both(reader) }
  }
  return left
}

function both(reader: Reader): Condition {
  let left = single(reader)
  while (reader.peek() === "AND") {
    reader.take()
    left = { kind: "and", left, right: single(reader) }
  }
  return left
}

function single(reader: Reader): Condition {
  const next = reader.peek()
  if (next === "(") {
    reader.take()
    const inner = either(reader)
    reader.take(")")
    return inner
  }
  if (next === "attribute_exists" || next === "attribute_not_exists") {
    reader.take()
    reader.take("(")
    const path = operand(reader)
    reader.take(")")
    return { kind: "exists", path, is: next === "attribute_exists" }
  }
  if (next === "begins_with") {
    reader.take()
    reader.take("(")
    const it = operand(reader)
    reader.take(",")
    const prefix = operand(reader)
    reader.take(")")
    return { kind: "begins", it, with: prefix }
  }
  return comparison(reader, operand(reader))
}

function comparison(reader: Reader, left: Operand): Condition {
  const by = reader.take()
  if (by === "BETWEEN") {
    const from = operand(reader)
    reader.take("AND")
    return { kind: "between", it: left, from, to: operand(reader) }
  }
  if (by !== "IN") return { kind: "compare", by, left, right: operand(reader) }
  reader.take("(")
  const among = [operand(reader)]
  while (reader.peek() === ",") {
    reader.take()
    among.push(operand(reader))
  }
  reader.take(")")
  return { kind: "in", left, among }
}

export function nameOf(alias: string, { names }: Scope): string {
  const name = names[alias]
  if (name === undefined) throw new Error(`The name ${alias} is not given.`)
  return name
}

export function found(it: Operand, row: Row | undefined, scope: Scope): Value | undefined {
  if (it.kind === "value") {
    const value = scope.values[it.name]
    if (value === undefined) throw new Error(`The value ${it.name} is not given.`)
    return value
  }
  let value: Value | undefined = row
  for (const alias of it.names) value = isMap(value) ? value[nameOf(alias, scope)] : undefined
  return value
}

export function holds(condition: Condition, row: Row | undefined, scope: Scope): boolean {
  const value = (it: Operand) => found(it, row, scope)
  switch (condition.kind) {
    case "or": {
      const [left, right] = [holds(condition.left, row, scope), holds(condition.right, row, scope)]
      return left || right
    }
    case "and": {
      const [left, right] = [holds(condition.left, row, scope), holds(condition.right, row, scope)]
      return left && right
    }
    case "exists":
      return (value(condition.path) !== undefined) === condition.is
    case "compare":
      return compares(condition.by, value(condition.left), value(condition.right))
    case "in":
      return condition.among.map(value).some((each) => same(value(condition.left), each))
    case "between":
      return (
        compares(">=", value(condition.it), value(condition.from)) &&
        compares("<=", value(condition.it), value(condition.to))
      )
    case "begins": {
      const [it, prefix] = [value(condition.it), value(condition.with)]
      return typeof it === "string" && typeof prefix === "string" && it.startsWith(prefix)
    }
  }
}

/** Only values of one type compare; what is missing compares with nothing. */
function compares(by: string, a: Value | undefined, b: Value | undefined): boolean {
  if (a === undefined || b === undefined) return false
  if (by === "=") return same(a, b)
  const sign = order(a, b)
  if (sign === undefined) return false
  if (by === "<") return sign < 0
  if (by === "<=") return sign <= 0
  if (by === ">") return sign > 0
  if (by === ">=") return sign >= 0
  throw new Error(`The engine does not compare by ${by}.`)
}

function order(a: Value, b: Value): number | undefined {
  if (typeof a === "number" && typeof b === "number") return a - b
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return undefined
}
