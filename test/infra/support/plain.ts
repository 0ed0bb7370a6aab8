/** Pulumi's marker of a value that is more than JSON (pulumi: sdk/proto, "special signature"). */
const signature = "4dabf18193072939515e22adb298388d"
const secret = "1b47061264138c4ac30d75fd1eb44270"
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

/** Wire values as JSON: secrets opened, assets and other marked values by what is in them. */
export function plain(value: unknown): never | Record<string, unknown> | undefined {
  const opened = open(value)
  return typeof opened === "object" && opened !== null && !Array.isArray(opened)
    ? Object.fromEntries(Object.entries(opened))
    : undefined
}

function open(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(open)
  if (value === unknown) return "<unknown>"
  if (typeof value !== "object" || value === null) return value
  const entries = new Map(Object.entries(value))
  const mark = entries.get(signature)
  if (mark === secret) return open(entries.get("value"))
  if (mark !== undefined) entries.delete(signature)
  return Object.fromEntries([...entries].map(([name, each]) => [name, open(each)]))
}
