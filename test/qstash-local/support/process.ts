import { spawn } from "node:child_process"
import { once } from "node:events"
import { Client } from "@upstash/qstash"
import { onTestFinished } from "vitest"
import "./quiet-sdk.ts"

export const clientOf = (url: string, token: string) =>
  new Client({ baseUrl: url, token, enableTelemetry: false, retry: false, devMode: false })

/** Starts the command line on a free port; resolves when it listens. */
export async function startProcess(...args: readonly string[]) {
  const command = ["packages/qstash-local/bin/qstash-local.js", "--port", "0", "--quiet", ...args]
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  const gone = once(child, "exit")
  let text = ""
  for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
    text += part
    if (text.includes("QSTASH_NEXT_SIGNING_KEY")) break
  }
  child.stdout.resume()
  const [, url = ""] = /QSTASH_URL=(\S+)/.exec(text) ?? []
  const [, token = ""] = /QSTASH_TOKEN=(\S+)/.exec(text) ?? []
  return { child, gone, url, token, client: clientOf(url, token) }
}
