import { Fault } from "@imgmigrator/core/fault"
import * as sax from "sax"
import { lineFault } from "./lines.ts"
import type { Row } from "./rows.ts"

const image = /\.(apng|avif|bmp|gif|heic|heif|ico|jfif|jpe?g|jxl|png|svg|tiff?|webp)$/i

/**
 * The images of a sitemap, piece by piece (sitemaps.org; Google Search Central: Image sitemaps): every `image:loc`, and
 * a `loc` that itself ends like an image. `end` counts images, since XML can't be read from its middle.
 */
export function sitemapRows() {
  const parser = sax.parser(true, { position: true })
  const decoder = new TextDecoder("utf-8", { fatal: true })
  const path: string[] = []
  let rows: Row[] = []
  let count = 0
  let text = ""
  let failure: Fault | undefined

  const fail = (fault: Fault) => {
    failure ??= fault
  }
  parser.onerror = () => {
    fail(lineFault(parser.line + 1, "is no well-formed XML"))
  }
  parser.onopentag = ({ name }) => {
    path.push(local(name))
    text = ""
    if (path.length === 1 && path[0] === "sitemapindex")
      fail(
        new Fault(
          "invalid",
          "manifest.index",
          "The list is an index of sitemaps; give one of the sitemaps in it.",
          { scope: "store" },
        ),
      )
    if (path.length === 1 && path[0] !== "urlset" && path[0] !== "sitemapindex")
      fail(lineFault(parser.line + 1, "begins no sitemap: its root must be urlset"))
  }
  parser.ontext = (more) => {
    if (path.at(-1) === "loc") text += more
  }
  parser.oncdata = parser.ontext
  parser.onclosetag = () => {
    const isImage = path.at(-1) === "loc" && path.at(-2) === "image"
    const isPage = path.at(-1) === "loc" && path.at(-2) === "url"
    path.pop()
    const url = text.trim()
    text = ""
    if (!isImage && !(isPage && image.test(url.replace(/[?#].*$/s, "")))) return
    count += 1
    rows.push({ record: { url }, line: parser.line + 1, end: count, columns: "" })
  }

  function read(bytes: Uint8Array | undefined): Row[] {
    rows = []
    try {
      const piece = bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
      if (piece) parser.write(piece)
      if (!bytes) parser.close()
    } catch (error) {
      if (!failure) throw error instanceof TypeError ? lineFault(parser.line + 1, "is not UTF-8") : error
    }
    if (failure) throw failure
    return rows
  }

  return { write: (bytes: Uint8Array) => read(bytes), end: () => read(undefined) }
}

const local = (name: string) => name.replace(/^.*:/, "")
