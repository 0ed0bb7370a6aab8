import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]

/** Where a Chromium is, or undefined: `CHROMIUM`, else the PATH. */
export const chromium: string | undefined =
  process.env.CHROMIUM ??
  (process.env.PATH ?? "")
    .split(":")
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path))

export type Page = {
  goto(url: string): Promise<void>
  /** The value of an expression in the page; promises are awaited. */
  evaluate(expression: string): Promise<unknown>
  /** Waits until an expression is true. */
  until(expression: string): Promise<void>
  press(...keys: string[]): Promise<void>
  prefer(scheme: "dark" | "light"): Promise<void>
  screenshot(): Promise<Buffer>
  /** What the page has complained about on its console, or thrown. */
  readonly complaints: string[]
}

type Reply = {
  id?: number
  sessionId?: string
  method?: string
  params?: Record<string, unknown>
  result?: Record<string, unknown>
  error?: { message: string }
}

/**
 * Of the dozen processes that Chromium makes by itself only those that one page needs: no spare renderers, none for each site,
 * no services beside the browser, nothing that calls home. That is more than half of what a start costs.
 */
const sparing = [
  "--in-process-gpu",
  "--renderer-process-limit=1",
  "--disable-site-isolation-trials",
  "--enable-features=NetworkServiceInProcess2",
  "--disable-features=SpareRendererForSitePerProcess,MediaRouter,OptimizationHints,Translate",
  "--disable-background-networking",
  "--disable-component-extensions-with-background-pages",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-sync",
  "--no-first-run",
]

/** A headless Chromium, spoken to over the DevTools protocol; no library needed. One page is open at a time. */
export async function startBrowser(): Promise<{ open(): Promise<Page>; close(): Promise<void> }> {
  const profile = await mkdtemp(join(tmpdir(), "qstash-local-chromium-"))
  const flags = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    ...sparing,
  ]
  const child = spawn(chromium ?? "", [...flags, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
  })
  const socket = new WebSocket(await address(child))
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  let last = 0
  const waiting = new Map<number, (reply: Reply) => void>()
  let hear = (_: Reply): void => {}
  socket.onmessage = ({ data }) => {
    const reply: Reply = JSON.parse(String(data))
    if (reply.id === undefined) hear(reply)
    else waiting.get(reply.id)?.(reply)
  }
  function send(
    method: string,
    params: Record<string, unknown> = {},
    sessionId?: unknown,
  ): Promise<Record<string, unknown>> {
    last += 1
    const id = last
    socket.send(JSON.stringify({ id, method, params, sessionId }))
    return new Promise((resolve, reject) => {
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id)
        if (error) reject(new Error(`${method}: ${error.message}`))
        else resolve(result ?? {})
      })
    })
  }

  /** It opens by itself, maybe a moment later than the port. */
  async function firstTab(): Promise<unknown> {
    for (;;) {
      const { targetInfos } = await send("Target.getTargets")
      const tab = (targetInfos as { targetId: string; type: string }[]).find(({ type }) => type === "page")
      if (tab) return tab.targetId
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  // Its one tab serves all pages, one after another: another tab costs half as much as another browser.
  const targetId = await firstTab()
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true })
  for (const domain of ["Page", "Runtime", "Log"]) await send(`${domain}.enable`, {}, sessionId)
  let complaints: string[] = []
  hear = ({ method, params }) => {
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded")
      complaints.push(JSON.stringify(params))
    if (method === "Runtime.consoleAPICalled" && params?.type === "error")
      complaints.push(JSON.stringify(params))
  }

  async function open(): Promise<Page> {
    const evaluate = async (expression: string) => {
      const asked = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails } = await send("Runtime.evaluate", asked, sessionId)
      if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails))
      return (result as { value?: unknown }).value
    }
    const until = async (expression: string) => {
      while (!(await evaluate(expression))) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await send("Page.navigate", { url: "about:blank" }, sessionId)
    await until("location.href === 'about:blank'")
    await send("Emulation.setEmulatedMedia", { features: [] }, sessionId)
    // What the page before complained about when it was left is not this one's.
    complaints = []
    return {
      complaints,
      evaluate,
      until,
      async goto(url) {
        await send("Page.navigate", { url }, sessionId)
        await until("document.readyState === 'complete' && location.href !== 'about:blank'")
      },
      async press(...keys) {
        for (const key of keys)
          for (const type of ["keyDown", "keyUp"])
            await send(
              "Input.dispatchKeyEvent",
              {
                type,
                key,
                code: key,
                windowsVirtualKeyCode: codes[key],
                ...(key === "Enter" && { text: "\r" }),
              },
              sessionId,
            )
      },
      async prefer(value) {
        await send(
          "Emulation.setEmulatedMedia",
          { features: [{ name: "prefers-color-scheme", value }] },
          sessionId,
        )
      },
      async screenshot() {
        const { data } = await send("Page.captureScreenshot", {}, sessionId)
        return Buffer.from(String(data), "base64")
      },
    }
  }

  return {
    open,
    async close() {
      const gone = new Promise((resolve) => child.once("exit", resolve))
      socket.close()
      child.kill("SIGKILL")
      await gone
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const codes: Readonly<Record<string, number>> = {
  Enter: 13,
  Tab: 9,
  ArrowLeft: 37,
  ArrowRight: 39,
  Home: 36,
  End: 35,
}

async function address(child: ChildProcess): Promise<string> {
  let text = ""
  for await (const part of child.stderr?.iterator({ destroyOnReturn: false }) ?? []) {
    text += part
    const [, found] = /DevTools listening on (\S+)/.exec(text) ?? []
    if (found) {
      child.stderr?.resume()
      return found
    }
  }
  throw new Error(`Chromium did not start: ${text}`)
}
