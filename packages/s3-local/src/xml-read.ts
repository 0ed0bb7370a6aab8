import { XMLParser } from "fast-xml-parser"
import { refusal } from "./errors.ts"

/** A parsed element: its children by name, each name's in order. */
export type Node = {
  readonly text: string
  all(name: string): readonly Node[]
  one(name: string): string | undefined
}

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
})

/** Reads a document whose root must be `root`; throws MalformedXML for everything else. */
export function readXml(text: string, root: string): Node {
  if (text.trim() === "") throw refusal("MissingRequestBodyError")
  if (text.includes("<!DOCTYPE")) throw refusal("MalformedXML")
  const found = nodeOf(parse(text)).all(root)
  const [node] = found
  if (!node || found.length > 1) throw refusal("MalformedXML")
  return node
}

function parse(text: string): unknown {
  try {
    return parser.parse(text, true)
  } catch {
    throw refusal("MalformedXML")
  }
}

function nodeOf(value: unknown): Node {
  const children: Readonly<Record<string, unknown>> = isRecord(value) ? value : {}
  const all = (name: string) => {
    const found = Object.hasOwn(children, name) ? children[name] : []
    return (Array.isArray(found) ? found : [found]).map(nodeOf)
  }
  return {
    text: typeof value === "string" ? value : "",
    all,
    one(name) {
      const nodes = all(name)
      if (nodes.length > 1) throw refusal("MalformedXML")
      return nodes[0]?.text
    },
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
