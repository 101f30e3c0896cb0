import { hold } from '../hold.js'

/** The worker is built as an entry of its own, and lies beside this script. */
hold(new URL('./lockable-worker.js', import.meta.url))
