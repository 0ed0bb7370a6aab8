import { BlockList, isIP, isIPv4 } from "node:net"

/**
 * Where no request may go (IANA IPv4 and IPv6 Special-Purpose Address Registries, and the metadata services of clouds,
 * which lie in them). Loopback is apart, since the local service may allow it.
 */
const loopback = { ipv4: listOf(["127.0.0.0/8"]), ipv6: listOf(["::1/128"]) }

const kinds = {
  "a metadata service": listOf([
    "169.254.169.254/32",
    "169.254.170.2/32",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "fd00:ec2::/32",
  ]),
  "a link-local address": listOf(["169.254.0.0/16", "fe80::/10"]),
  "a private network": listOf([
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "fec0::/10",
  ]),
  "a multicast address": listOf(["224.0.0.0/4", "ff00::/8"]),
  "a reserved address": listOf([
    ...["0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"],
    ...["192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"],
    // Of IPv6 only 2000::/3 is in use; in it these are not for the public, or hold an IPv4 address of any kind:
    // Teredo and others (2001::/23), documentation, 6to4.
    ...["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"],
  ]),
} as const
const publicIPv6 = listOf(["2000::/3"])

/** What is wrong with connecting to this address; `undefined` where nothing is. */
export function refusalOf(address: string, allowLoopback: boolean): string | undefined {
  const family = isIPv4(address) ? "ipv4" : "ipv6"
  const plain = address.replace(/%.*$/, "")
  if (isIP(plain) === 0) return "no address"
  if (loopback[family].check(plain, family)) return allowLoopback ? undefined : "this machine"
  for (const [kind, list] of Object.entries(kinds)) if (list.check(plain, family)) return kind
  if (family === "ipv6" && !publicIPv6.check(plain, family)) return "a reserved address"
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = "", bits] = range.split("/")
    list.addSubnet(address, Number(bits), isIPv4(address) ? "ipv4" : "ipv6")
  }
  return list
}
