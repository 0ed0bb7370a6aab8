import { subscribe } from "node:diagnostics_channel"
import http from "node:http"
import { after, type Begun, before, placeOf } from "./calls.ts"
import { dynamoCall } from "./dynamo.ts"

/** Every HTTP call of this process, whoever makes it: node:http (the AWS SDK) or undici (fetch, the stores). */
export function watchHttp() {
  const begun = new WeakMap<object, Begun>()
  const { end } = http.ClientRequest.prototype
  Reflect.set(
    http.ClientRequest.prototype,
    "end",
    function (this: http.ClientRequest, ...args: readonly unknown[]) {
      const target = String(this.getHeader("x-amz-target") ?? "")
      const address = `${this.protocol}//${this.getHeader("host")}${this.path}`
      const call = target ? dynamoCall(target, String(args[0] ?? "")) : nameOf(this.method, address)
      begun.set(this, before(call, placeIn(address)))
      return Reflect.apply(end, this, args)
    },
  )
  subscribe("http.client.response.finish", (message) => {
    const { request, response } = message as { request: object; response: http.IncomingMessage }
    // The table's clock leaps too: the SDK repeats whatever is refused by a server whose clock is five minutes off.
    if (response.headers.date) response.headers.date = new Date(Date.now()).toUTCString()
    const call = begun.get(request)
    if (call) after(call, response.statusCode)
  })

  type Request = { readonly method: string; readonly origin: string | URL; readonly path: string }
  subscribe("undici:request:create", (message) => {
    const { request } = message as { request: Request }
    const address = new URL(request.path, request.origin).href
    begun.set(request, before(nameOf(request.method, address), placeIn(address)))
  })
  subscribe("undici:request:headers", (message) => {
    const { request, response } = message as { request: object; response: { readonly statusCode: number } }
    const call = begun.get(request)
    if (call) after(call, response.statusCode)
  })
}

/** `PUT destination object ?partNumber&uploadId`: the method, where to, and what for; no names, no ids. */
function nameOf(method: string, address: string): string {
  const url = new URL(address)
  const found = placeOf(url.origin + url.pathname)
  const query = [...url.searchParams.keys()].filter((name) => !/^(X-Amz-|start-after|.*marker$)/i.test(name))
  return [
    method,
    found?.place ?? url.origin,
    ...(found?.rest ? ["object"] : []),
    ...(query.length > 0 ? [`?${query.join("&")}`] : []),
  ].join(" ")
}

/** Without what is asked there: that may be as long as signatures are. */
const placeIn = (address: string) => address.replace(/\?.*$/s, "")
