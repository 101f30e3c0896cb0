import workerUrl from 'lockable/worker?url'
import { hold } from '../hold.js'

hold(workerUrl)
