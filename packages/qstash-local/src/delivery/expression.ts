const functions: Readonly<Record<string, { arity: number; run: (...values: number[]) => number }>> = {
  pow: { arity: 2, run: Math.pow },
  sqrt: { arity: 1, run: Math.sqrt },
  abs: { arity: 1, run: Math.abs },
  exp: { arity: 1, run: Math.exp },
  floor: { arity: 1, run: Math.floor },
  ceil: { arity: 1, run: Math.ceil },
  round: { arity: 1, run: (x) => Math.sign(x) * Math.round(Math.abs(x)) },
  min: { arity: 2, run: Math.min },
  max: { arity: 2, run: Math.max },
}

/** A compiled `Upstash-Retry-Delay`: milliseconds for the number of retries done so far. */
export type Expression = (retried: number) => number

const longest = 1000
const deepest = 50

/**
 * Compiles `"1000 * pow(2, retried)"`. Throws a SyntaxError that says what is wrong and where.
 * Numbers, `+ - * / %`, parentheses, the variable `retried` and the functions above.
 * Source: Upstash docs, QStash > Features > Retry > Custom Retry Delay.
 */
export function compile(text: string): Expression {
  if (text.length > longest) throw new SyntaxError(`expression is longer than ${longest} characters`)
  const tokens = tokenize(text)
  let at = 0
  let depth = 0

  const peek = () => tokens[at]?.text
  const fail = (): never => {
    const token = tokens[at]
    throw new SyntaxError(
      token ? `unexpected '${token.text}' at ${token.at + 1}` : "unexpected end of expression",
    )
  }
  const expect = (symbol: string) => (peek() === symbol ? at++ : fail())

  function sum(): Expression {
    if (++depth > deepest) throw new SyntaxError("expression is nested too deeply")
    let left = product()
    for (let sign = peek(); sign === "+" || sign === "-"; sign = peek()) {
      at++
      const [a, b] = [left, product()]
      left = sign === "+" ? (n) => a(n) + b(n) : (n) => a(n) - b(n)
    }
    depth--
    return left
  }

  function product(): Expression {
    let left = signed()
    for (let sign = peek(); sign === "*" || sign === "/" || sign === "%"; sign = peek()) {
      at++
      const [a, b] = [left, signed()]
      left = sign === "*" ? (n) => a(n) * b(n) : sign === "/" ? (n) => a(n) / b(n) : (n) => a(n) % b(n)
    }
    return left
  }

  function signed(): Expression {
    if (peek() !== "-") return value()
    at++
    if (++depth > deepest) throw new SyntaxError("expression is nested too deeply")
    const inner = signed()
    depth--
    return (n) => -inner(n)
  }

  function value(): Expression {
    const token = peek() ?? fail()
    if (/^[\d.]/.test(token)) {
      at++
      const number = Number(token)
      return () => number
    }
    if (token === "(") {
      at++
      const inner = sum()
      expect(")")
      return inner
    }
    if (token === "retried") {
      at++
      return (n) => n
    }
    return call(token)
  }

  function call(name: string): Expression {
    const known = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (!known) return /^[a-z_]/i.test(name) ? unknown(name) : fail()
    at++
    expect("(")
    const values = [sum()]
    while (peek() === ",") {
      at++
      values.push(sum())
    }
    expect(")")
    if (known.arity !== values.length)
      throw new SyntaxError(`${name} takes ${known.arity} argument(s), not ${values.length}`)
    return (n) => known.run(...values.map((each) => each(n)))
  }

  const whole = sum()
  if (at < tokens.length) fail()
  return whole
}

function unknown(name: string): never {
  throw new SyntaxError(`unknown name '${name}'`)
}

function tokenize(text: string): { text: string; at: number }[] {
  const tokens = [...text.matchAll(/\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+|[a-z_]\w*|[-+*/%(),]|\S/gi)]
  return tokens.map((token) => ({ text: token[0], at: token.index }))
}
