import type { Call, Upload } from "../store.ts"
import { accepted, type Client } from "./client.ts"
import { maxPageBytes } from "./list.ts"
import { encode } from "./sign.ts"
import { partSizeFor } from "./upload.ts"
import { elements, elementText } from "./xml.ts"

/** ListMultipartUploads under the prefix: those begun since `since`. */
export async function listUploads(
  client: Client,
  since: number,
  { signal }: Call = {},
): Promise<readonly Upload[]> {
  const { prefix } = client.ref
  const uploads: Upload[] = []
  let [keyMarker, idMarker] = ["", ""]
  do {
    const query = `encoding-type=url&key-marker=${encode(keyMarker)}&max-uploads=1000&prefix=${encode(prefix)}&upload-id-marker=${encode(idMarker)}&uploads=`
    const answer = await client.collect({ method: "GET", query, signal }, maxPageBytes)
    const xml = accepted(answer, client.about("store")).bytes.toString()
    for (const upload of elements(xml, "Upload")) {
      const key = decode(elementText(upload, "Key"))
      const begun = Date.parse(elementText(upload, "Initiated") ?? "")
      if (key.startsWith(prefix) && begun >= since)
        uploads.push({ key: key.slice(prefix.length), id: idOf(upload), partSize: partSizeFor() })
    }
    if (elementText(xml, "IsTruncated") !== "true") break
    keyMarker = decode(elementText(xml, "NextKeyMarker"))
    idMarker = elementText(xml, "NextUploadIdMarker") ?? ""
  } while (keyMarker)
  return uploads
}

const decode = (text = "") => decodeURIComponent(text.replaceAll("+", " "))

/** As `beginUpload` writes it. */
function idOf(upload: string): string {
  const algorithm = elementText(upload, "ChecksumAlgorithm")
  const mode = algorithm === "CRC64NVME" ? "c" : algorithm === "SHA256" ? "s" : "n"
  return `${mode}!${elementText(upload, "UploadId")}`
}
