/** Reads a variable of the environment: `undefined` where there is none, or where a Deno script may not read it. */
export function environmentVariable(name: string): string | undefined {
  try {
    const { Deno, process } = globalThis as unknown as RuntimeGlobals
    // Asking Deno for a variable that it has no permission for would prompt.
    if (Deno) return mayRead(Deno, name) ? Deno.env?.get(name) : undefined
    return process?.env?.[name]
  } catch {
    return undefined
  }
}

/** What the runtimes outside browsers have, as far as it is used here. */
interface RuntimeGlobals {
  readonly Deno?: DenoGlobal
  readonly process?: { readonly env?: Record<string, string | undefined> }
}

interface DenoGlobal {
  readonly env?: { get(name: string): string | undefined }
  readonly permissions?: { querySync?(query: { name: 'env'; variable: string }): { readonly state: string } }
}

function mayRead({ permissions }: DenoGlobal, variable: string): boolean {
  return permissions?.querySync?.({ name: 'env', variable }).state === 'granted'
}
