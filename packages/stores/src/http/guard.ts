/// <reference path="./undici.d.ts" />
import { lookup as resolve } from "node:dns"
import { isIP, type LookupFunction, type Socket } from "node:net"
import { Fault } from "@imgmigrator/core/fault"
import buildConnector from "undici/lib/core/connect.js"
import Agent from "undici/lib/dispatcher/agent.js"
import type { StoreSettings, Timeouts } from "../settings.ts"
import { refusalOf } from "./addresses.ts"
import { onread, receive } from "./receive.ts"

export type GuardSettings = Pick<StoreSettings, "allowLoopback" | "connections" | "timeouts">

/**
 * The one way out for requests to hosts that users name. Every connection is checked where it is made: the address that
 * DNS gave is the one that is connected to, so it can't change in between, and a redirect is a connection like any
 * other. HTTP/1.1 without pipelining, no decompression; bodies are streams, so nothing swells in memory.
 */
export function guardedAgent({ allowLoopback, connections = 64, timeouts = {} }: GuardSettings): Agent {
  const { connectMs, headersMs, bodyMs } = { ...defaults, ...timeouts }
  return new Agent({
    connect: guardedConnect(allowLoopback, connectMs),
    connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: 20_000,
    maxHeaderSize: 64 * 1024,
    headersTimeout: headersMs,
    bodyTimeout: bodyMs,
    strictContentLength: true,
  })
}

const defaults: Required<Timeouts> = { connectMs: 10_000, headersMs: 60_000, bodyMs: 30_000 }

function guardedConnect(allowLoopback: boolean, timeout: number): buildConnector.connector {
  const lookup: LookupFunction = (hostname, options, done) =>
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, "", 0)
      const allowed = addresses.filter(({ address }) => !refusalOf(address, allowLoopback))
      const [first] = allowed
      if (first) return options.all ? done(null, allowed) : done(null, first.address, first.family)
      done(refused(hostname, refusalOf(addresses[0]?.address ?? "", allowLoopback)), "", 0)
    })
  const connect = buildConnector({ allowH2: false, timeout, lookup, onread })
  return (options, done) => {
    const hostname = options.hostname.replace(/^\[|\]$/g, "")
    // A literal address is never looked up; a name for this machine may be, and by the wrong ones (RFC 6761, 6.3).
    const literal = /(^|\.)localhost\.?$/i.test(hostname) ? "127.0.0.1" : hostname
    const refusal = isIP(literal) ? refusalOf(literal, allowLoopback) : undefined
    if (refusal) return done(refused(hostname, refusal), null)
    connect(options, (...[error, socket]) => {
      if (error) return done(error, null)
      // Whatever way the address was found, this is where the connection leads.
      const end = refusalOf(remoteOf(socket), allowLoopback)
      if (end) {
        socket.destroy()
        return done(refused(hostname, end), null)
      }
      receive(socket)
      done(null, socket)
    })
  }
}

const remoteOf = (socket: Socket) => socket.remoteAddress ?? ""

const refused = (hostname: string, refusal = "no address") =>
  new Fault(
    "denied",
    "address.refused",
    `${hostname} leads to ${refusal}, where requests are not allowed to go.`,
  )

/** Ports below 1024 belong to other services than the web's; of those above, browsers refuse these (Fetch standard: Port blocking), and two caches understand HTTP by accident. */
const otherPorts = new Set(
  [
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679,
    6697,
  ].concat([10080, 6379, 11211]),
)

/** What can be known of an address without asking DNS: Fault `denied address.refused` where it is not one of the web's. */
export function checkUrl(url: URL): void {
  const refuse = (why: string) =>
    new Fault("denied", "address.refused", `${url.hostname || "The address"} ${why}.`)
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw refuse(`would be read over ${url.protocol.slice(0, 32)} only https: and http: are`)
  if (url.username || url.password)
    throw refuse("comes with a user name or password; such addresses are not read")
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80))
  if ((port < 1024 && port !== 80 && port !== 443) || otherPorts.has(port))
    throw refuse(`would be asked on port ${port}, which is not the web's`)
}
