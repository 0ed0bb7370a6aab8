import picomatch from "picomatch"

export type Instruction = { readonly name: string; readonly rest: string }

/** A Dockerfile's instructions by stage, continued lines joined, comments gone. */
export function stagesOf(text: string): readonly (readonly Instruction[])[] {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter(Boolean)
  const stages: Instruction[][] = []
  for (const line of lines) {
    const [, name = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? []
    if (name === "FROM") stages.push([])
    stages.at(-1)?.push({ name, rest })
  }
  return stages
}

/**
 * What a .dockerignore keeps of the context, by paths from its root: the last line that matches a path or a folder above
 * it decides (Docker docs: Build context > .dockerignore files).
 */
export function contextFilter(text: string): (path: string) => boolean {
  const rules = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({
      kept: line.startsWith("!"),
      matches: picomatch(line.replace(/^!/, ""), { dot: true }),
    }))
  return (path) => {
    const parts = path.split("/")
    const withParents = parts.map((_, n) => parts.slice(0, n + 1).join("/"))
    return rules.findLast(({ matches }) => withParents.some((each) => matches(each)))?.kept ?? true
  }
}
