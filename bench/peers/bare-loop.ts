/**
 * The limit: GET and PUT of known keys by the tightest undici program, signed, without listing, ledger, queue, checksum
 * or retry, in several processes. `node bench/peers/bare-loop.ts <from> <to> <transfers> <keys> <processes>`: from and to
 * are folders or http://host/bucket.
 */
import { spawn } from "node:child_process"
import { createHmac, hash } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, readFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Pool } from "undici"

const [from = "", to = "", transfers = "16", list = "", processes = "1", own = "0"] = process.argv.slice(2)
const count = Number(processes)
const mine = Math.floor(Number(transfers) / count)
const keys = readFileSync(list, "utf8")
  .split("\n")
  .filter((key, i) => key && i % count === Number(own))
const others =
  own === "0"
    ? Array.from({ length: count - 1 }, (_, i) =>
        once(spawn(process.execPath, [...process.argv.slice(1, 6), processes, String(i + 1)]), "exit"),
      )
    : []

const date = new Date().toISOString().replace(/\.\d+|[-:]/g, "")
const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`
const signingKey = scope
  .split("/")
  .reduce<string | Buffer>((key, part) => createHmac("sha256", key).update(part).digest(), "AWS4bench-secret")

/** The least that S3 asks for (AWS IAM User Guide: Create a signed AWS API request), the payload unsigned. */
function sign(method: string, host: string, path: string): string[] {
  const canonical = `${method}\n${path}\n\nhost:${host}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:${date}\n\nhost;x-amz-content-sha256;x-amz-date\nUNSIGNED-PAYLOAD`
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash("sha256", canonical)}`
  const signature = createHmac("sha256", signingKey).update(text).digest("hex")
  return [
    "x-amz-content-sha256",
    "UNSIGNED-PAYLOAD",
    "x-amz-date",
    date,
    "authorization",
    `AWS4-HMAC-SHA256 Credential=bench/${scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
  ]
}

/** One pool a side: a GET that waits for a PUT's connection would wait for ever. */
function server(address: string) {
  const { origin, host, pathname } = new URL(address)
  const pool = new Pool(origin, { connections: mine, pipelining: 1 })
  const ask = (method: "GET" | "PUT", key: string, body: Buffer | null) =>
    new Promise<Buffer>((resolve, reject) => {
      const path = `${pathname}/${key}`
      const chunks: Buffer[] = []
      let failed = false
      pool.dispatch(
        { method, path, headers: sign(method, host, path), body },
        {
          onRequestStart: () => undefined,
          onResponseStart(_, status) {
            failed = status >= 300
          },
          onResponseData: (_, chunk) => void chunks.push(chunk),
          onResponseEnd: () =>
            failed ? reject(new Error(`${method} ${path} failed`)) : resolve(Buffer.concat(chunks)),
          onResponseError: (_, error) => reject(error),
        },
      )
    })
  return ask
}

function open(place: string) {
  if (place.startsWith("http")) {
    const ask = server(place)
    return {
      read: (key: string) => ask("GET", key, null),
      write: (key: string, body: Buffer) => ask("PUT", key, body),
    }
  }
  for (const folder of new Set(keys.map((key) => dirname(join(place, key)))))
    mkdirSync(folder, { recursive: true })
  return {
    read: (key: string) => readFile(join(place, key)),
    write: (key: string, body: Buffer) => writeFile(join(place, key), body),
  }
}

const source = open(from)
const destination = open(to)
let next = 0
const runner = async () => {
  for (let key = keys[next++]; key !== undefined; key = keys[next++])
    await destination.write(key, await source.read(key))
}
await Promise.all(Array.from({ length: mine }, runner))
const codes = await Promise.all(others)
process.exit(codes.some(([code]) => code !== 0) ? 1 : 0)
