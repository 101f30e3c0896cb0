import { hold } from '../hold.js'

hold('auto')
