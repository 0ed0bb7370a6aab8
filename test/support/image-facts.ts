import type { LibraryFile } from "./library.ts"

/** Is this a complete file of its content type: the right first bytes, and nothing missing at the end? */
export function complete(contentType: string, content: Buffer): boolean {
  const starts = (...signatures: string[]) =>
    signatures.some((each) => content.indexOf(each, 0, "latin1") === 0)
  const ends = (hex: string) => content.toString("hex").endsWith(hex)
  if (contentType === "image/jpeg") return starts("\xff\xd8\xff") && ends("ffd9")
  if (contentType === "image/png") return starts("\x89PNG\r\n\x1a\n") && ends("49454e44ae426082")
  if (contentType === "image/gif") return starts("GIF87a", "GIF89a") && ends("003b")
  if (contentType === "image/svg+xml") return starts("<?xml ") && content.toString().endsWith("</svg>\n")
  if (contentType === "image/webp")
    return (
      starts("RIFF") &&
      content.readUInt32LE(4) === content.length - 8 &&
      content.toString("latin1", 8, 12) === "WEBP"
    )
  const brand = content.toString("latin1", 4, 12)
  return brand === `ftyp${contentType.slice("image/".length)}` && boxesEnd(content) === content.length
}

/** Where the last box of an ISO media file (ISO/IEC 14496-12) ends. */
function boxesEnd(content: Buffer, at = 0): number {
  return at + 8 > content.length ? at : boxesEnd(content, at + Math.max(8, content.readUInt32BE(at)))
}

/**
 * The little of EXIF 2.32 that the sample library uses; undefined where there is none. It is found in any container by
 * the TIFF header behind a mark: JPEG's and PNG's and WebP's own, and the zero offset of a HEIF item (ISO/IEC 23008-12, A.2.1).
 */
export function exifOf(content: Buffer): LibraryFile["exif"] {
  const mark = /(?:Exif\0\0|eXIf|EXIF....|\0\0\0\0)(?=II\*\0|MM\0\*)/s.exec(content.toString("latin1"))
  if (!mark) return undefined
  const tiff = content.subarray(mark.index + mark[0].length)
  const little = tiff.toString("latin1", 0, 2) === "II"
  const short = (at: number) => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const long = (at: number) => (little ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  const entry = (ifd: number, tag: number) =>
    Array.from({ length: short(ifd) }, (_, index) => ifd + 2 + index * 12).find((at) => short(at) === tag)
  const text = (ifd: number, tag: number) => {
    const at = entry(ifd, tag)
    if (at === undefined) return ""
    const from = long(at + 4) > 4 ? long(at + 8) : at + 8
    return tiff.toString("latin1", from, from + long(at + 4) - 1)
  }
  const degrees = (ifd: number, tag: number) => {
    const from = long((entry(ifd, tag) ?? 0) + 8)
    const parts = [0, 1, 2].map((index) => long(from + index * 8) / long(from + index * 8 + 4) / 60 ** index)
    const sum = parts.reduce((total, part) => total + part, 0)
    return Number((/[SW]/.test(text(ifd, tag - 1)) ? -sum : sum).toFixed(4))
  }
  const root = long(4)
  const pointer = (tag: number) => long((entry(root, tag) ?? 0) + 8)
  const [day = "", time = ""] = text(pointer(0x8769), 0x9003).split(" ")
  const orientation = entry(root, 0x0112)
  return {
    taken: `${day.replaceAll(":", "-")}T${time}${text(pointer(0x8769), 0x9011)}`,
    make: text(root, 0x010f),
    model: text(root, 0x0110),
    ...(orientation !== undefined && { orientation: short(orientation + 8) }),
    ...(entry(root, 0x8825) !== undefined && {
      gps: [degrees(pointer(0x8825), 2), degrees(pointer(0x8825), 4)],
    }),
  }
}
