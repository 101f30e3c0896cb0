/** Waits for all of them, also if one rejects; rejects then, when nothing goes on any more that starts or stops a process. */
export async function together(parts: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(parts)
  await Promise.all(parts)
}
