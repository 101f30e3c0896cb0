import { hold } from '../hold.js'

await hold('auto')
