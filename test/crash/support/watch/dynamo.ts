type Asked = {
  readonly Key?: { readonly sk?: { readonly S?: string } }
  readonly Item?: { readonly sk?: { readonly S?: string } }
  readonly IndexName?: string
  readonly ExpressionAttributeValues?: Readonly<Record<string, { readonly S?: string }>>
  readonly UpdateExpression?: string
  readonly TransactItems?: readonly Readonly<Record<string, Asked>>[]
}

/** Set with every write of a lane, so they tell nothing. */
const always = ["lease", "spent", "rate"]

/** A DynamoDB call by its operation, the kind of row, and for an update what it sets: `Update LANE at+done+now`. */
export function dynamoCall(target: string, body: string): string {
  const operation = target.replace(/^.*\./, "").replace(/Item$/, "")
  const asked: Asked = JSON.parse(body)
  if (asked.TransactItems)
    return [
      operation,
      ...asked.TransactItems.flatMap((item) => Object.entries(item)).map(([name, each]) => one(name, each)),
    ].join(" ")
  return one(operation, asked)
}

function one(operation: string, asked: Asked): string {
  const sk = asked.Key?.sk?.S ?? asked.Item?.sk?.S
  const values = Object.values(asked.ExpressionAttributeValues ?? {}).flatMap(({ S }) => S ?? [])
  const kind = sk?.replace(/#.*$/, "") ?? asked.IndexName ?? values.map(kindOf).join("/")
  const names = asked.UpdateExpression?.replace(/REMOVE/, "SET").split(/[\s,]+/) ?? []
  const sets = new Set(names.filter((name) => name.startsWith("#")).map((name) => name.slice(1)))
  const told = [...sets].filter((name) => !always.includes(name) && !name.includes(".")).sort()
  return [operation, kind, ...(told.length > 0 ? [told.join("+")] : [])].join(" ")
}

/** `MIGRATION#mig_01…#3`, the partition of a chunk, and `LANE#`, the beginning of a sort key. */
const kindOf = (value: string) =>
  value.startsWith("MIGRATION#") && value.split("#").length === 3 ? "CHUNK" : value.replace(/#.*$/, "")
