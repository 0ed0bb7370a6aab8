/** What the gateway needs of a row of the route table. */
export type Matchable = { readonly method: string; readonly path: string }

export type Match<Route> = {
  readonly route: Route
  readonly pathParameters: Readonly<Record<string, string>>
}

/**
 * The path as HTTP APIs see it: percent-decoded before anything looks at it, and cut at a decoded `?`. So `%2F` can't
 * be told from `/`, and no object key may stand in a path. `undefined` where the encoding is broken.
 */
export function decodedPath(target: string): string | undefined {
  const [path = "/"] = target.split("?", 1)
  try {
    return decodeURIComponent(path).split("?", 1)[0]
  } catch {
    return undefined
  }
}

/** The route for a decoded path; a fixed path goes before one with parameters, a wrong method is no match. */
export function match<Route extends Matchable>(
  routes: readonly Route[],
  method: string,
  path: string,
): Match<Route> | undefined {
  const candidates = routes
    .filter((route) => route.method === method)
    .flatMap((route) => {
      const pathParameters = parametersOf(route.path, path)
      return pathParameters ? [{ route, pathParameters }] : []
    })
  const count = (each: Match<Route>) => Object.keys(each.pathParameters).length
  return candidates.sort((a, b) => count(a) - count(b))[0]
}

function parametersOf(template: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [template.split("/"), path.split("/")]
  if (wanted.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? ""
    const name = /^\{(\w+)\}$/.exec(segment)?.[1]
    if (name ? value === "" : value !== segment) return undefined
    if (name) parameters[name] = value
  }
  return parameters
}
