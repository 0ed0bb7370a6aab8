import { Fault } from "@imgmigrator/core/fault"
import { handlerFiles } from "./handlers.ts"

export type Handler = (event: unknown, context: unknown) => Promise<unknown>

const inFunctions = /^packages\/functions\/src\/(.+)\.(\w+)$/

/** The function behind `packages/functions/src/api/get-migration.handler` or behind a file URL with `#name`. */
export async function loadHandler(handler: string): Promise<Handler> {
  const [, file, name] = inFunctions.exec(handler) ?? []
  const [url = "", exported = ""] = handler.split("#")
  const module: Readonly<Record<string, unknown>> | undefined = file
    ? await handlerFiles[file]?.()
    : await import(url)
  const found = module?.[name ?? exported]
  if (typeof found !== "function")
    throw new Fault("missing", "handler.missing", `${handler} exports no function.`)
  return async (event, context) => found(event, context)
}
