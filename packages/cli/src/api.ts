import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { Fault, type Kind } from "@imgmigrator/core/fault"
import { Migration, type Options, Progress } from "@imgmigrator/core/migration"
import type { Command, Status } from "@imgmigrator/core/status"
import type { StoreRef } from "@imgmigrator/core/store-ref"
import { Migrations } from "@imgmigrator/functions/api/schemas"
import { Problem } from "@imgmigrator/functions/middleware/problem"

export type NewMigration = {
  readonly source: StoreRef
  readonly destination: StoreRef
  readonly options: Options
  readonly name?: string | undefined
}
export type ReportQuery = {
  readonly outcome?: string | undefined
  readonly format?: string | undefined
  readonly cursor?: string | undefined
  readonly limit?: string | undefined
}

/**
 * The HTTP API of a service. Faults: what the service answered, `denied api.key` for a key that it does not know,
 * `unavailable api.unreachable` where nothing answers.
 */
export type Api = {
  readonly url: string
  create(migration: NewMigration): Promise<Migration>
  /** Newest first, page by page. */
  list(status?: Status): AsyncGenerator<Migration>
  get(id: string): Promise<Migration>
  progress(id: string): Promise<Progress>
  command(command: Command, id: string): Promise<Migration>
  /** One page as the service sends it, and where the next begins. */
  report(
    id: string,
    query: ReportQuery,
  ): Promise<{ readonly text: string; readonly next: string | undefined }>
}

export function apiAt(url: string, key: string): Api {
  const ask = async (method: string, path: string, body?: unknown) => {
    const answer = await call(url, key, method, path, body)
    if (!answer.ok) throw await refusal(url, answer)
    return answer
  }
  const json = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await ask(method, path, body)).json()
  const at = (id: string, action = "") => `/migrations/${encodeURIComponent(id)}${action}`

  return {
    url,
    create: async (migration) => Migration.parse(await json("POST", "/migrations", migration)),
    async *list(status) {
      let cursor: string | undefined
      do {
        const page = Migrations.parse(
          await json("GET", `/migrations${search({ status, cursor, limit: "100" })}`),
        )
        yield* page.migrations
        cursor = page.cursor
      } while (cursor !== undefined)
    },
    get: async (id) => Migration.parse(await json("GET", at(id))),
    progress: async (id) => Progress.parse(await json("GET", at(id, "/progress"))),
    command: async (command, id) =>
      Migration.parse(
        await (command === "cancel" ? json("DELETE", at(id)) : json("POST", at(id, `/${command}`))),
      ),
    async report(id, query) {
      const answer = await ask("GET", at(id, `/report${search(query)}`))
      return { text: await answer.text(), next: answer.headers.get("x-next-cursor") ?? undefined }
    },
  }
}

function search(query: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value)
  return parameters.size > 0 ? `?${parameters}` : ""
}

/** Everything here may be repeated: commands hold in their own result, and a creation has its idempotency key. */
async function call(
  url: string,
  key: string,
  method: string,
  path: string,
  body: unknown,
): Promise<Response> {
  const address = `${url.replace(/\/+$/, "")}/api/v1${path}`
  const headers = {
    authorization: `Bearer ${key}`,
    ...(body !== undefined && { "content-type": "application/json", "idempotency-key": randomUUID() }),
  }
  for (const pause of [200, 1_000, undefined]) {
    try {
      const answer = await fetch(address, {
        method,
        headers,
        signal: AbortSignal.timeout(60_000),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      if (pause === undefined || ![429, 502, 503, 504].includes(answer.status)) return answer
      await answer.body?.cancel()
    } catch (error) {
      if (pause === undefined) throw unreachable(url, error)
    }
    await sleep(pause)
  }
  throw unreachable(url, undefined)
}

function unreachable(url: string, error: unknown): Fault {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
  return new Fault("unavailable", "api.unreachable", `The service at ${url} can't be reached (${cause}).`, {
    cause: error,
  })
}

const kinds: Readonly<Record<number, Kind>> = {
  401: "denied",
  403: "denied",
  404: "missing",
  409: "conflict",
  413: "too_large",
}

/** The service's own words; an API gateway in front of it has fewer. */
async function refusal(url: string, answer: Response): Promise<Fault> {
  const kind = kinds[answer.status] ?? (answer.status >= 500 ? "unavailable" : "invalid")
  const problem = Problem.safeParse(await answer.json().catch(() => undefined)).data
  if (problem) {
    const log = answer.status >= 500 ? ` (${problem.instance})` : ""
    return new Fault(kind, problem.type.replace("/problems/", ""), `${problem.detail ?? problem.title}${log}`)
  }
  if (kind === "denied")
    return new Fault(
      "denied",
      "api.key",
      `The service at ${url} does not know this API key. Give another with --key or IMGMIGRATOR_KEY; "imgmigrator keys create --user NAME" makes one.`,
    )
  return new Fault(
    kind,
    "api.answer",
    `The service at ${url} answered ${answer.status}; is it ImgMigrator's?`,
  )
}
