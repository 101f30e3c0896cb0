/** Replaces a method; returns the way to undo that. */
export function replaced<Owner extends object, Key extends keyof Owner>(
  owner: Owner,
  key: Key,
  make: (original: Owner[Key]) => Owner[Key],
): () => void {
  const original = owner[key]
  owner[key] = make(original)
  return () => {
    owner[key] = original
  }
}

/** The way to undo several. */
export function both(...undo: readonly (() => void)[]): () => void {
  return () => {
    for (const each of undo) each()
  }
}
