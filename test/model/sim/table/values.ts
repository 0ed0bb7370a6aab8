/** A row, or anything in one, as the document client gives and takes it. */
export type Value =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly Value[]
  | { readonly [name: string]: Value }
export type Row = Readonly<Record<string, Value>>

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** What the table keeps of a value: a copy, without what is undefined (marshallOptions.removeUndefinedValues). */
export function stored(value: unknown): Value {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value
  if (typeof value === "number" && Number.isFinite(value)) return value
  if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return value.filter((each) => each !== undefined).map(stored)
  if (isMap(value)) return storedMap(value)
  throw new Error(`The engine keeps no ${typeof value}.`)
}

export const storedMap = (map: Readonly<Record<string, unknown>>): Row => {
  const copy: Record<string, Value> = {}
  for (const name in map) if (map[name] !== undefined) copy[name] = stored(map[name])
  return copy
}

export function same(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => same(x, b[i]))
  if (!isMap(a) || !isMap(b)) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => same(a[name], b[name]))
}
