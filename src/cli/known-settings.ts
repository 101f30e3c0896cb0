import { CLIENT_FLAGS } from './client-flags.ts'
import type { Flags } from './flags.ts'
import { RUN_FLAGS } from './run-flags.ts'
import { SERVE_FLAGS } from './serve-flags.ts'

/** The settings of all commands: one file and one environment may serve several of them. */
export const KNOWN_SETTINGS: Flags = { ...SERVE_FLAGS, ...CLIENT_FLAGS, ...RUN_FLAGS }
