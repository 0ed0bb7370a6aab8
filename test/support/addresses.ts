import fc from "fast-check"

/** Any code point, lone surrogates too. fast-check's own `binary` makes a table of all of them for each string arbitrary. */
export const anyUnit = fc.nat(0x10_ff_ff).map((code) => String.fromCodePoint(code))

/**
 * Addresses of these schemes, right and nearly right, with these names in their queries. fast-check's own `webUrl` makes that
 * table too: five seconds.
 */
export const addresses = (schemes: readonly string[], names: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...schemes),
      fc.oneof(
        fc.domain(),
        fc.ipV4(),
        fc.ipV6().map((ip) => `[${ip}]`),
      ),
      fc.constantFrom("", ":0", ":443", ":99999"),
      fc.array(fc.string({ unit: anyUnit, maxLength: 10 }), { maxLength: 4 }),
      fc.array(fc.tuple(fc.constantFrom(...names), fc.string()), { maxLength: 2 }),
    )
    .map(([scheme, host, port, path, query]) => {
      const search = new URLSearchParams(query)
      const place = path.map((part) => `/${encodeURIComponent(part.toWellFormed())}`).join("")
      return `${scheme}://${host}${port}${place}${query.length > 0 ? `?${search}` : ""}`
    })
