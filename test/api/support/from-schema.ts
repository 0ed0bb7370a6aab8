import fc from "fast-check"
import { addresses, anyUnit } from "../../support/addresses.ts"

/** A JSON schema, as far as the API's description uses it. */
export type Schema = {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly pattern?: string
}

const nastyTexts = [
  "",
  "\u0000",
  "../../etc/passwd",
  "s3://",
  "s3://a@b",
  "s3://bucket/%",
  "s3://bucket?endpoint=http://169.254.169.254/",
  "https://u:p@h/list.csv",
  "https://h/list.csv",
  "s3://bucket-one/prefix",
  "file:/",
  "\ud800",
  "x".repeat(10_000),
  "USER#root",
]
export const nastyText = fc.constantFrom(...nastyTexts)

/** Values that break things: empty, huge, hostile, of the wrong type. */
const nasty = fc.constantFrom<unknown>(
  ...nastyTexts,
  null,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  true,
  [],
  {},
  [[[[[[[[]]]]]]]],
  { $ne: null },
  { toString: 1 },
)

type Resolve = (reference: string) => Schema
type Inner = (schema: Schema) => fc.Arbitrary<unknown>

/** Values that fit the schema, or do but for a few places. */
export function fromSchema(schema: Schema, resolve: Resolve): fc.Arbitrary<unknown> {
  const clean: Inner = (each) => suiting(each, clean, resolve)
  const spoilt: Inner = (each) =>
    fc.oneof(
      { arbitrary: suiting(each, spoilt, resolve), weight: 10 },
      { arbitrary: nasty, weight: 1 },
      { arbitrary: fc.jsonValue(), weight: 1 },
    )
  return fc.oneof(clean(schema), spoilt(schema))
}

function suiting(schema: Schema, inner: Inner, resolve: Resolve): fc.Arbitrary<unknown> {
  if (schema.$ref) return suiting(resolve(schema.$ref), inner, resolve)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map((choice) => suiting(choice, inner, resolve)))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.type === "object") return object(schema, inner)
  if (schema.type === "array") return fc.array(inner(schema.items ?? {}), { maxLength: 5 })
  if (schema.type === "boolean") return fc.boolean()
  if (schema.type === "integer" || schema.type === "number")
    return fc.integer({ min: schema.minimum ?? -10, max: Math.min(schema.maximum ?? 10_000, 2 ** 31 - 1) })
  if (schema.pattern) return fc.stringMatching(new RegExp(schema.pattern))
  return fc.oneof(
    { arbitrary: fc.constantFrom(...sensible), weight: 3 },
    { arbitrary: fc.string({ maxLength: Math.min(schema.maxLength ?? 50, 300), unit: anyUnit }), weight: 1 },
    { arbitrary: address, weight: 1 },
  )
}

const address = addresses(["https", "s3", "file"], ["endpoint", "region", "credentials", "x"])
const sensible = [
  "s3://bucket-one/a",
  "s3://bucket-two/b",
  "s3://bucket-three",
  "https://h.example/list.csv",
  "photos",
]

function object({ properties = {}, required = [] }: Schema, inner: Inner) {
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, inner(each)])),
    { requiredKeys: [...required] },
  )
  const more = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 2 })
  return fc.oneof(
    { arbitrary: known, weight: 10 },
    { arbitrary: fc.tuple(known, more).map(([a, b]) => ({ ...a, ...b })), weight: 1 },
  )
}
