import { inject } from 'vitest'

/** Projects of users, made from the packed package by `global-setup.ts`. */
export interface Consumers {
  /** The package as it would be published. */
  readonly tarball: string
  /** A folder in which nothing but the package was installed. */
  readonly bare: string
  /** One that has React, zustand, esbuild, webpack and the types of Node as well. */
  readonly web: string
  /** One that has Next.js and React, and no other bundler: Next.js is big. */
  readonly next: string
}

export const consumers: Consumers = inject('consumers')
