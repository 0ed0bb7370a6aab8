import { readFile } from "node:fs/promises"
import { devCredentials } from "./delivery/signature.ts"
import type { Reply } from "./http/exchange.ts"

/** The page at `/` and its parts, by path. */
const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["page.html", "text/html; charset=utf-8"],
  "/local/page.css": ["page.css", "text/css; charset=utf-8"],
  "/local/page.js": ["page.js", "text/javascript; charset=utf-8"],
  "/local/table.js": ["table.js", "text/javascript; charset=utf-8"],
  "/local/views.js": ["views.js", "text/javascript; charset=utf-8"],
}

export const isPage = (method: string, path: string): boolean =>
  (method === "GET" || method === "HEAD") && Object.hasOwn(files, path)

/**
 * The page or a part of it. It holds the token only if that is the public one; for any other it asks whoever looks at it.
 */
export async function page(path: string, token: string): Promise<Reply> {
  const [file = "", type = ""] = files[path] ?? []
  const text = await readFile(new URL(`./page/${file}`, import.meta.url), "utf8")
  const known = token === devCredentials.token ? token : ""
  return { status: 200, text: text.replace("%TOKEN%", known), headers: { ...safety, "Content-Type": type } }
}

const safety = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
}
