import { resolve } from "node:path"
import { Fault } from "@imgmigrator/core/fault"
import { type NormalStoreRef, nested, parseStoreRef } from "@imgmigrator/core/store-ref"
import * as z from "zod"
import type { Caller } from "../middleware/route.ts"
import { isLocal } from "../settings.ts"

type Field = "source" | "destination"

/**
 * A store that this caller may name, in its normal form. Faults, all naming the field: those of `parseStoreRef`,
 * `denied store.local` (a folder, outside the local service), `denied store.forbidden` (not among the key's prefixes).
 */
export function storeOf(input: unknown, field: Field, caller: Caller): NormalStoreRef {
  const ref = parsed(input, field)
  if (ref.type === "file" && !isLocal())
    throw new Fault("denied", "store.local", `${field}: folders can be named in the local service only.`)
  const { prefixes } = caller
  if (prefixes && !prefixes.some((prefix) => isWithin(ref, prefix)))
    throw new Fault("denied", "store.forbidden", `${field}: this API key may not name that store.`)
  return ref
}

/** Both stores of a new migration. Faults of `storeOf`, and `invalid store.read_only`, `invalid store.nested`. */
export function storesOf(
  body: { readonly source?: unknown; readonly destination?: unknown },
  caller: Caller,
): { readonly source: NormalStoreRef; readonly destination: NormalStoreRef } {
  const source = storeOf(body.source, "source", caller)
  const destination = storeOf(body.destination, "destination", caller)
  if (destination.type === "list" || destination.type === "urls")
    throw new Fault("invalid", "store.read_only", "destination: a list of addresses can't be written to.")
  if (nested(source, destination))
    throw new Fault(
      "invalid",
      "store.nested",
      "destination: the source and the destination lie inside one another; choose a folder beside it.",
    )
  return { source, destination }
}

function parsed(input: unknown, field: Field): NormalStoreRef {
  try {
    return parseStoreRef(input)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    throw new Fault(error.kind, error.code, `${field}: ${error.message}`, { cause: inField(error, field) })
  }
}

/** The same issues, where they are in the request. */
function inField({ cause, message }: Fault, field: Field): z.ZodError {
  const issues: z.core.$ZodIssue[] =
    cause instanceof z.ZodError ? cause.issues : [{ code: "custom", path: [], message, input: undefined }]
  return new z.ZodError(issues.map((issue) => ({ ...issue, path: ["body", field, ...issue.path] })))
}

/** A prefix is a folder: `s3://bucket/photos` holds `photos/2024/`, never `photos-old/`. */
function isWithin(ref: NormalStoreRef, prefix: string): boolean {
  if (/^https?:/i.test(prefix)) {
    const addresses = addressesOf(ref)
    return addresses.length > 0 && addresses.every((address) => isUnder(address, prefix))
  }
  const allowed = parseStoreRef(prefix)
  if (allowed.type === "file") return ref.type === "file" && folder(ref.path).startsWith(folder(allowed.path))
  if (allowed.type !== "s3" || ref.type !== "s3") return false
  // `nested`: the same bucket of the same service. Other credentials would be another's reach.
  return (
    nested(allowed, ref) && ref.prefix.startsWith(allowed.prefix) && ref.credentials === allowed.credentials
  )
}

const folder = (path: string) => `${resolve(path)}/`.replace(/\/+$/, "/")

/** The addresses that a request itself names. Those inside a list are the list's owner's. */
function addressesOf(ref: NormalStoreRef): readonly string[] {
  if (ref.type === "list") return [ref.url]
  return ref.type === "urls" ? ref.urls.map((each) => (typeof each === "string" ? each : each.url)) : []
}

/** An encoded slash may be one to the server, so what stands behind it can't be told. */
function isUnder(address: string, prefix: string): boolean {
  const [inner, outer] = [new URL(address), new URL(prefix)]
  const path = outer.pathname.endsWith("/") ? outer.pathname : `${outer.pathname}/`
  return (
    inner.origin === outer.origin &&
    !/%2f|%5c/i.test(inner.pathname) &&
    (inner.pathname === outer.pathname || inner.pathname.startsWith(path))
  )
}
