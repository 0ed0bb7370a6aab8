import { readFile } from "node:fs/promises"
import { wrong } from "../settings.ts"
import type { BrokerTls } from "./celery-broker.ts"

/** What a TLS socket is made with, beside host and port; the files are read anew for each connection. */
export async function tlsOptions(tls: BrokerTls) {
  const [ca, cert, key] = await Promise.all([pem(tls.ca), pem(tls.cert), pem(tls.key)])
  return { rejectUnauthorized: tls.verify, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

async function pem(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path)
  } catch (error) {
    throw wrong(`CELERY_BROKER_URL names the file ${path}, which can't be read.`, { cause: error })
  }
}
