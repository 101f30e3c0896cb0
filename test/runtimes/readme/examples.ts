const KINDS = ['node', 'deno', 'browser', 'react', 'bash', 'backend'] as const

/** Where an example runs. */
export type ExampleKind = (typeof KINDS)[number]

/** A code block of a document that is run as it stands. */
export interface Example {
  readonly kind: ExampleKind
  readonly code: string
  /** That of the marker, counted from 1. */
  readonly line: number
}

/** What each kind may be written in, which is also the name of its file. */
const LANGUAGES: Readonly<Record<ExampleKind, readonly string[]>> = {
  node: ['js'],
  deno: ['js', 'ts'],
  browser: ['js', 'ts'],
  react: ['jsx', 'tsx'],
  bash: ['sh', 'bash'],
  backend: ['js'],
}

const MARKER = /^<!-- example: (.*?) -->$/
const ANY_MARKER = /<!--.*\bexample\b/i

/**
 * The code blocks that stand right after a line `<!-- example: node -->` (or another kind).
 *
 * Throws for a marker that is misspelt, of an unknown kind or without a block, so that no example goes untested by
 * mistake, and if a kind has no example at all.
 */
export function readExamples(markdown: string): Example[] {
  const lines = markdown.split('\n')
  const examples = lines.flatMap((line, index) => (ANY_MARKER.test(line) ? [readExample(lines, index)] : []))
  for (const kind of KINDS) {
    if (!examples.some((example) => example.kind === kind)) throw new Error(`There is no example of ${kind}.`)
  }
  return examples
}

function readExample(lines: readonly string[], index: number): Example {
  const where = `Line ${index + 1}`
  const given = MARKER.exec(lines[index] ?? '')?.[1]
  const kind = KINDS.find((each) => each === given)
  if (!kind) throw new Error(`${where} must be <!-- example: KIND -->, with one of ${KINDS.join(', ')}.`)
  const language = /^```(\w+)$/.exec(lines[index + 1] ?? '')?.[1] ?? ''
  if (!LANGUAGES[kind].includes(language)) {
    throw new Error(`${where} must be followed by a block of ${LANGUAGES[kind].join(' or ')}.`)
  }
  const end = lines.indexOf('```', index + 2)
  if (end === -1) throw new Error(`${where}: the block does not end.`)
  return { kind, code: `${lines.slice(index + 2, end).join('\n')}\n`, line: index + 1 }
}
